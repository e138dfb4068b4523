"""/audit/log and /audit/vkey: the published files of the transparency log (c2sp.org/tlog-tiles),
and its public keys.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.actions import Action
from audit.api import IgnoreAccept
from audit.queries import current_log
from audit.subjects import require_whole_log
from audit.transparency.keys import NoLogKey, log_signers
from audit.transparency.state import published
from audit.transparency.tiles import ENTRIES
from core.actors import Scope, actor_of
from core.errors import NotFound, Unavailable

_NUMBER = r"(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[0-9]{1,3})?"
_PATH = re.compile(rf"checkpoint|tile/(?:[0-9]{{1,2}}|{ENTRIES})/{_NUMBER}")
_TEXT = "text/plain; charset=utf-8"
_IMMUTABLE = "private, max-age=31536000, immutable"


class PublishedFile(APIView):
    """The base of the views: a token with scope `audit:export`, or no credentials where the log is public."""

    required_scopes = {"GET": Scope.AUDIT_EXPORT}
    content_negotiation_class = IgnoreAccept
    is_secret = False

    def get_permissions(self) -> Any:
        """Return no permissions for what CUSTODY_PUBLIC_LOG publishes, else those of the API."""
        if settings.PUBLIC_LOG and not self.is_secret:
            return []
        return super().get_permissions()


@extend_schema(exclude=True)
class CheckpointView(PublishedFile):
    """GET: the newest signed checkpoint."""

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002 - DRF's signature
        """Answer the newest checkpoint. Raises NotFound before the first one, and Unavailable."""
        return _file("checkpoint", content_type=_TEXT, cache="no-cache")


@extend_schema(exclude=True)
class TileView(PublishedFile):
    """GET: a tile of hashes."""

    def get(self, request: Request, path: str) -> HttpResponse:  # noqa: ARG002 - DRF's signature
        """Answer the bytes of a tile. Raises NotFound, Unavailable."""
        return _file(f"tile/{path}", content_type="application/octet-stream", cache=_IMMUTABLE)


@extend_schema(exclude=True)
class BundleView(PublishedFile):
    """GET: a bundle of entries, for those who may read the whole log."""

    is_secret = True

    def get(self, request: Request, path: str) -> HttpResponse:
        """Answer the bytes of a bundle. Raises NotFound, Denied, Unavailable."""
        require_whole_log(actor_of(request), action=Action.API_CALLED)
        return _file(f"tile/{ENTRIES}/{path}", content_type="application/octet-stream", cache=_IMMUTABLE)


@extend_schema(exclude=True)
class VkeyView(PublishedFile):
    """GET: the public keys of the log, the newest first, one a line."""

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002 - DRF's signature
        """Answer the keys. Raises Unavailable where this host has none."""
        try:
            text = "".join(f"{signer.vkey}\n" for signer in log_signers())
        except NoLogKey as error:
            raise Unavailable(str(error)) from error
        return HttpResponse(text, content_type=_TEXT, headers={"Cache-Control": "no-cache"})


def _file(path: str, *, content_type: str, cache: str) -> HttpResponse:
    log = current_log()
    headers: dict[str, Any] = {"Cache-Control": cache, "X-Content-Type-Options": "nosniff"}
    if not _PATH.fullmatch(path):
        raise NotFound("The log has no such file.")
    try:
        data = (published(log.origin if log else "").folder / path).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise NotFound("The log has no such file.") from error
    except OSError as error:
        raise Unavailable("The published files of the log cannot be read now.") from error
    return HttpResponse(data, content_type=content_type, headers=headers)

"""Drafts of forms: saved while a person types, offered when they open the form again, deleted once it is submitted."""

from __future__ import annotations

import datetime
import json

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.models import User
from console.models import FormDraft
from core.actors import Actor
from core.errors import InvalidInput

# The form sends this field when it was filled by static/custody/drafts.js.
KEY_FIELD = "draft_key"
MAX_BYTES = 512 * 1024
MAX_DRAFTS = 50
MAX_AGE = datetime.timedelta(days=30)
_MAX_KEY = 500
_REDIRECTS = (301, 302, 303)


def save_draft(actor: Actor, key: str, fields: str) -> FormDraft:
    """Save the fields of a form, a JSON object of names and texts. Raises InvalidInput.

    Deletes the person's drafts that are older than 30 days, and all but the newest 50.
    """
    owner = User.objects.get(username=actor.name)
    now = timezone.now()
    draft, _ = FormDraft.objects.update_or_create(
        owner=owner, key=_valid_key(key), defaults={"fields": _valid_fields(fields), "saved_at": now}
    )
    drafts = FormDraft.objects.filter(owner=owner)
    drafts.filter(saved_at__lt=now - MAX_AGE).delete()
    newest = drafts.order_by("-saved_at", "-pk").values("pk")[:MAX_DRAFTS]
    drafts.exclude(pk__in=list(newest.values_list("pk", flat=True))).delete()
    return draft


def load_draft(actor: Actor, key: str) -> FormDraft | None:
    """Return the draft of a form, None where there is none. Raises InvalidInput."""
    since = timezone.now() - MAX_AGE
    return FormDraft.objects.filter(owner__username=actor.name, key=_valid_key(key), saved_at__gte=since).first()


def discard_draft(actor: Actor, key: str) -> None:
    """Delete the draft of a form. Raises InvalidInput."""
    FormDraft.objects.filter(owner__username=actor.name, key=_valid_key(key)).delete()


def discard_submitted(request: HttpRequest, actor: Actor, response: HttpResponseBase) -> None:
    """Delete the draft of a form that was accepted, which is when the response redirects to another page."""
    key = request.POST.get(KEY_FIELD, "") if request.method == "POST" else ""
    if key and len(key) <= _MAX_KEY and (response.status_code in _REDIRECTS or response.has_header("HX-Redirect")):
        discard_draft(actor, key)


def _valid_key(key: str) -> str:
    if not key or len(key) > _MAX_KEY or not key.startswith("/") or "\x00" in key:
        raise InvalidInput("The key of a draft must be the path of its form, such as /policies/new/.")
    return key


def _valid_fields(text: str) -> dict[str, str]:
    if len(text.encode()) > MAX_BYTES:
        raise InvalidInput(f"A draft can have at most {MAX_BYTES // 1024} KB.")
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise InvalidInput("The fields of a draft must be a JSON object.") from error
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise InvalidInput("The fields of a draft must be a JSON object of texts.")
    if "\\u0000" in text:
        raise InvalidInput("A draft cannot contain a NUL byte.")
    return fields

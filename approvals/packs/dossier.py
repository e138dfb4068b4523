"""The dossier of a version: a signed export of its model's events, with its conformity pack and inclusion proofs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from approvals.models import TransitionRequest
from audit.exports.annexes import File, SignedLog
from audit.exports.jobs import start_export
from audit.exports.selection import Filters
from audit.models import Event, ExportJob
from core.actors import Actor
from core.errors import NotFound
from core.refs import model_stream, request_ref
from registry.models import FrozenPack, ModelVersion
from tracking.store import current_store

PAGE = "index.html"
_PREFIX = "pack:"


def start_dossier(*, actor: Actor, pack: FrozenPack) -> ExportJob:
    """Start the export job that makes the dossier of a promotion, and return it. Raises NotFound, Denied."""
    filters = Filters(model=pack.order.version.model.name)
    return start_export(actor=actor, filters=filters, annex=f"{_PREFIX}{pack.digest}")


def pack_page_of(pack: FrozenPack) -> bytes:
    """Return the first page of a pack as it was frozen. Raises NotFound for an old pack without one, or lost bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(_bytes_of(pack))) as package:
            return package.read(PAGE)
    except KeyError as error:
        raise NotFound("This conformity pack was frozen before packs had a page. Download it.") from error


def pack_annex(name: str, log: SignedLog) -> Iterator[File] | None:
    """Return the files of the annex `pack:<digest>`: the pack, its page, and inclusion proofs of the version's events.

    Return None for an annex with another name. Raises NotFound for an unknown pack.
    """
    pack = pack_named(name)
    return None if pack is None else _files(pack, log)


def pack_named(name: str) -> FrozenPack | None:
    """Return the pack of the annex `pack:<digest>`, None for another name. Raises NotFound for an unknown pack."""
    if not name.startswith(_PREFIX):
        return None
    packs = FrozenPack.objects.filter(digest=name.removeprefix(_PREFIX)).select_related("order__version__model")
    pack: FrozenPack | None = packs.first()
    if pack is None:
        raise NotFound("There is no such conformity pack.")
    return pack


def events_of(version: ModelVersion) -> Any:
    """Return the audit events about a version and its requests, oldest first.

    References in a model's stream are about this model even under an earlier name, so the name is not compared.
    """
    requests = TransitionRequest.objects.filter(version=version).values_list("pk", flat=True)
    own = Q(object_ref__startswith="model-version:", object_ref__endswith=f"/{version.version}")
    of_requests = Q(object_ref__in=[request_ref(pk) for pk in requests])
    return Event.objects.filter(own | of_requests, stream=model_stream(version.model_id)).order_by("id")


def _files(pack: FrozenPack, log: SignedLog) -> Iterator[File]:
    data = _bytes_of(pack)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        if PAGE in package.namelist():
            yield PAGE, package.read(PAGE)
    yield "pack.zip", data
    yield from log.proofs(events_of(pack.order.version))


def _bytes_of(pack: FrozenPack) -> bytes:
    try:
        with current_store().open(pack.digest) as file:
            return file.read()
    except FileNotFoundError as error:
        raise NotFound(f"The bytes of the conformity pack {pack} are missing from the store.") from error

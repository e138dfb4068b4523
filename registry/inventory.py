"""The inventory of models: rows with owner, purpose, state and next attestation, for page, API and export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.actors import Actor
from core.spreadsheets import csv_cell
from core.times import from_ms, iso_utc, to_ms
from registry.models import Deployment, InventoryEntry, ModelVersion, RegisteredModel
from registry.permissions import visible_models
from registry.risk import tiers_of

STATES = ("in production", "registered", "retired")
EXPORTED = 10_000  # models in one export


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """One model. ``next_attestation`` is None where the model is retired or nobody has to attest models."""

    model: str
    owner: str
    purpose: str
    tier: str
    state: str
    production_version: int | None
    deployments: int
    created_by: str
    attested_at: datetime | None
    next_attestation: datetime | None
    overdue: bool
    retired_at: datetime | None


def attestation_period() -> timedelta | None:
    """Return how long an attestation is valid, None where nobody has to attest (settings.ATTESTATION_DAYS is 0)."""
    days = settings.ATTESTATION_DAYS
    return timedelta(days=days) if days else None


def inventory_of(model: RegisteredModel) -> InventoryEntry | None:
    """Return the inventory entry of a model, None without one. No query where `inventory` was read with it."""
    return getattr(model, "inventory", None)


def is_retired(model: RegisteredModel) -> bool:
    """Return whether a model has been retired."""
    entry = inventory_of(model)
    return entry is not None and entry.retired_at is not None


def next_attestation(model: RegisteredModel) -> datetime | None:
    """Return when a model has to be attested next, None for never. The first period begins at its registration."""
    period, entry = attestation_period(), inventory_of(model)
    if period is None or is_retired(model):
        return None
    return ((entry and entry.attested_at) or from_ms(model.created_ms)) + period


def inventory_models(actor: Actor, *, text: str = "", owner: str = "", state: str = "") -> QuerySet[RegisteredModel]:
    """Return the visible models for the inventory, by name. ``state`` is one of STATES, or `overdue`."""
    current = ModelVersion.objects.filter(model=OuterRef("pk"), is_current=True)
    live = (
        Deployment.objects.filter(version__model=OuterRef("pk"), ended_at__isnull=True)
        .order_by().values("version__model").annotate(count=Count("pk")).values("count")
    )  # fmt: skip
    rows = visible_models(actor).select_related("inventory__owner").annotate(
        production_version=Subquery(current.values("version")[:1]),
        live_deployments=Coalesce(Subquery(live), 0),
    )  # fmt: skip
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(inventory__purpose__icontains=text))
    if owner:
        rows = rows.filter(inventory__owner__username=owner)
    retired = Q(inventory__retired_at__isnull=False)
    match state:
        case "retired":
            rows = rows.filter(retired)
        case "in production":
            rows = rows.filter(Exists(current)).exclude(retired)
        case "registered":
            rows = rows.filter(~Exists(current)).exclude(retired)
        case "overdue":
            rows = rows.filter(_overdue(timezone.now())).exclude(retired)
    return rows.order_by("name")


def unrecorded_overdue_attestations(now: datetime) -> QuerySet[RegisteredModel]:
    """Return the models whose attestation is overdue and not recorded as overdue yet, the oldest model first."""
    rows = RegisteredModel.objects.filter(_overdue(now), deleted_at__isnull=True)
    return rows.filter(inventory__overdue_at__isnull=True, inventory__retired_at__isnull=True).order_by("pk")


def inventory_rows(models: Iterable[RegisteredModel]) -> list[InventoryRow]:
    """Return the rows of models that `inventory_models` read; one query for their tiers."""
    rows = list(models)
    tiers, now = tiers_of([model.pk for model in rows]), timezone.now()
    return [_row(model, tiers.get(model.pk, ""), now) for model in rows]


def as_csv(rows: Iterable[InventoryRow]) -> str:
    """Return rows as CSV with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(InventoryRow.__dataclass_fields__))
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in asdict(row).items()})
    return out.getvalue()


def _overdue(now: datetime) -> Q:
    period = attestation_period()
    if period is None:
        return Q(pk__in=[])
    limit = now - period
    attested = Q(inventory__attested_at__isnull=False, inventory__attested_at__lte=limit)
    return attested | Q(inventory__attested_at__isnull=True, created_ms__lte=to_ms(limit))


def _row(model: RegisteredModel, tier: str, now: datetime) -> InventoryRow:
    entry, due = inventory_of(model), next_attestation(model)
    number = getattr(model, "production_version", None)
    state = "retired" if is_retired(model) else "in production" if number else "registered"
    return InventoryRow(
        model=model.name,
        owner=entry.owner.username if entry and entry.owner else "",
        purpose=entry.purpose if entry else "",
        tier=tier,
        state=state,
        production_version=number,
        deployments=getattr(model, "live_deployments", 0),
        created_by=model.created_by,
        attested_at=entry.attested_at if entry else None,
        next_attestation=due,
        overdue=due is not None and due <= now,
        retired_at=entry.retired_at if entry else None,
    )


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return iso_utc(value, "seconds")
    return csv_cell(value)

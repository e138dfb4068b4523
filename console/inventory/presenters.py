"""The inventory entry of one model, with the actions that this person may take."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.models import Retirement
from approvals.packs.retirements import may_withdraw_retirement, open_retirement
from core.actors import Actor
from registry.inventory import InventoryRow, inventory_models, inventory_rows
from registry.models import RegisteredModel
from registry.permissions import Level, has_level


@dataclass(frozen=True, slots=True)
class ModelInventory:
    """The entry of a model. ``retirement`` is the open request to retire it, None without one."""

    row: InventoryRow
    retirement: Retirement | None
    may_manage: bool
    may_attest: bool
    may_retire: bool
    may_decide: bool
    may_withdraw: bool


def model_inventory(actor: Actor, model: RegisteredModel) -> ModelInventory:
    """Return the entry of a model that the actor may see; six queries at most."""
    [row] = inventory_rows(inventory_models(actor).filter(pk=model.pk))
    retirement = None if row.retired_at else open_retirement(model)
    manages = has_level(actor, model, Level.MANAGE)
    return ModelInventory(
        row=row,
        retirement=retirement,
        may_manage=manages and row.retired_at is None,
        may_attest=row.owner == actor.name and row.retired_at is None,
        may_retire=manages and row.retired_at is None and retirement is None,
        may_withdraw=retirement is not None and may_withdraw_retirement(actor, retirement),
        may_decide=manages and retirement is not None and retirement.requester_id != actor.user_id,
    )

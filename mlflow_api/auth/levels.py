"""Permission levels by the names of MLflow's auth app.

Levels without a counterpart here are refused with the reason.
"""

from __future__ import annotations

from accounts.models import User
from accounts.principals import PrincipalKind
from core.errors import InvalidInput, NotFound
from registry.permissions import Level as ModelLevel
from tracking.models import ExperimentLevel

# MLflow's levels, lowest first. `USE` equals READ, except in MLflow's gateway.
EXPERIMENT_LEVELS = {"READ": ExperimentLevel.READ, "EDIT": ExperimentLevel.EDIT, "MANAGE": ExperimentLevel.MANAGE}
MODEL_LEVELS = {"READ": ModelLevel.READ, "EDIT": ModelLevel.EDIT, "MANAGE": ModelLevel.MANAGE}
NO_PERMISSIONS = "NO_PERMISSIONS"


def level_name(text: str) -> str:
    """Return a level of MLflow that has a counterpart here.

    Raises InvalidInput, with what to do, for every other text.
    """
    if text in EXPERIMENT_LEVELS:
        return text
    if text == NO_PERMISSIONS:
        raise InvalidInput(
            "NO_PERMISSIONS cannot be granted: grants only add to what everybody has. Revoke the grant, or let the operator "
            "set CUSTODY_DEFAULT_EXPERIMENT_LEVEL or CUSTODY_DEFAULT_LEVEL to `none`."
        )
    raise InvalidInput(f"Invalid permission '{text[:50]}'. Valid permissions are: {', '.join(EXPERIMENT_LEVELS)}.")


def experiment_level_name(level: int) -> str:
    """Return an experiment's level as MLflow names it."""
    return next((name for name, value in EXPERIMENT_LEVELS.items() if value == level), NO_PERMISSIONS)


def model_level_name(level: ModelLevel | None) -> str:
    """Return a model's level as MLflow names it; moving versions is EDIT there."""
    if level is None:
        return NO_PERMISSIONS
    return max((value, name) for name, value in MODEL_LEVELS.items() if value <= level)[1]


def account_of(username: str) -> tuple[User, PrincipalKind]:
    """Return an active account and its kind. Raises NotFound."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NotFound(f"User with username={username[:150]} not found")
    return user, PrincipalKind.SERVICE if user.is_service else PrincipalKind.USER

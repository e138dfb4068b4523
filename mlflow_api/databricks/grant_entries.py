"""Reads the entries of `access_control_list`, by which the Databricks permission calls name grants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from accounts.principals import PrincipalKind
from core.errors import InvalidInput
from mlflow_api.databricks.render import PRINCIPALS
from mlflow_api.parse import Params

L = TypeVar("L")


def read_grant(entry: Params, levels: Mapping[str, L]) -> tuple[PrincipalKind, str, L]:
    """Return the kind and name of the principal, and the level, of an entry.

    Raises InvalidInput: not exactly one principal, an unknown level.
    """
    principals = [(kind, entry.text(field)) for kind, field in PRINCIPALS.items() if entry.text(field)]
    if len(principals) != 1:
        raise InvalidInput("Each entry of 'access_control_list' names one user, group or service principal.")
    level = levels.get(entry.need("permission_level"))
    if level is None:
        raise InvalidInput(f"A permission level is one of {', '.join(levels)}.")
    return *principals[0], level

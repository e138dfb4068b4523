"""Reads the status of the installation, area by area: one that cannot be read hides no other."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.db import DatabaseError
from django.utils import timezone

from audit.actions import Action
from config.status.areas import Area, Status, critical
from config.status.audit_log import audit_log_area
from config.status.database import database_area
from config.status.programs import programs_area
from config.status.schedule import schedule_area
from config.status.storage import storage_area
from config.status.versions import versions_area
from config.status.work import work_area
from core.actors import Actor
from core.errors import Denied
from core.schema_state import UnusableDatabase

_AREAS: dict[str, Callable[[], Area]] = {
    "database": database_area,
    "programs": programs_area,
    "audit_log": audit_log_area,
    "work": work_area,
    "schedule": schedule_area,
    "storage": storage_area,
    "versions": versions_area,
}


def read_status(actor: Actor) -> Status:
    """Return the status of the installation as this process sees it. Raises Denied for all but superusers."""
    if not actor.is_superuser:
        raise Denied("Only superusers may read the status of the installation.", action=Action.API_CALLED)
    return Status(timezone.now(), tuple(_read(name, area) for name, area in _AREAS.items()))


def _read(name: str, area: Callable[[], Area]) -> Area:
    try:
        return area()
    except (DatabaseError, UnusableDatabase, redis.RedisError, OSError) as error:
        text = f"This part cannot be read: {str(error).strip()[:300]}"
        return Area(name, {}, (critical(text, "Look at the log of the web server."),))

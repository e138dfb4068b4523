"""Fills an empty PostgreSQL database with the rows of a grown installation."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from accounts.models import User
from approvals.models import TransitionRequest
from approvals.policy_changes.publish import ensure_default_policies
from audit.actions import Action
from audit.transparency.keys import prepare_log_key
from audit.transparency.sequencer import Sequencer
from bench.growth.size import Size
from bench.growth.statements import GOVERNANCE, REGISTRY, TRACKING
from bench.inbox_worker import finish_checks
from core.actors import system_actor
from core.canonical import canonical_bytes
from core.ids import time_ordered_uuid
from registry.cards import HUMAN_KEYS

_COLUMNS = "event_id, body, at, action, outcome, actor_ref, actor_name, object_ref, stream, request_id"
_ACTIONS = (Action.TRACKING_RUN_CREATED, Action.REGISTRY_MODEL_UPDATED, Action.REGISTRY_STAGE_CHANGED)
_DAYS = 365
_BATCH = 1000


def seed(size: Size) -> None:
    """Create people, runs, models, requests with finished checks, and numbered events."""
    _people()
    policy = next(
        row for row in ensure_default_policies(actor=system_actor("bench")) if row.policy.target == "Production"
    )
    card = json.dumps({key: {"value": "Written by somebody.", "source": "human", "pointer": ""} for key in HUMAN_KEYS})
    values = {"runs": size.runs, "models": size.models, "requests": size.requests, "policy": policy.pk, "card": card}
    for statement in (*TRACKING, *REGISTRY, *GOVERNANCE):
        _execute(statement, values)
    _execute("ANALYZE", {})
    _finish_requests()
    _events(size)
    _execute("VACUUM ANALYZE", {})


def _people() -> None:
    """Create an author, a reviewer who is an auditor and no superuser, and a superuser."""
    User.objects.create_user("ada")
    User.objects.create_user("bea").groups.add(*Group.objects.filter(name__in=("reviewers", "auditors")))
    User.objects.create_superuser("ops")


def _execute(statement: str, values: dict[str, Any]) -> None:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(statement, values if "%" in statement else None)
    print(f"{time.perf_counter() - began:6.1f} s {statement[:80]}", file=sys.stderr, flush=True)


def _finish_requests() -> None:
    """Give each open request its finished checks, a review, its digest and its cached verdict."""
    bea = User.objects.get(username="bea")
    rows = list(TransitionRequest.objects.with_relations().filter(state="open").order_by("pk"))
    for start in range(0, len(rows), _BATCH):
        finish_checks(rows[start : start + _BATCH], bea)


def _events(size: Size) -> None:
    """Copy the events into their table and number them."""
    began = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(f"COPY audit_event ({_COLUMNS}) FROM STDIN") as copy:
        for row in _event_rows(size):
            copy.write_row(row)
    print(f"{time.perf_counter() - began:6.1f} s COPY audit_event", file=sys.stderr, flush=True)
    began = time.perf_counter()
    prepare_log_key()
    Sequencer().run_once()
    print(f"{time.perf_counter() - began:6.1f} s number the events", file=sys.stderr, flush=True)


def _event_rows(size: Size) -> Iterator[tuple[Any, ...]]:
    """Yield the columns of the events of a year: three actions, 40 people, one in fifty refused."""
    began = timezone.now() - timedelta(days=_DAYS)
    for number in range(size.events):
        at = began + timedelta(days=_DAYS) * (number / size.events)
        action, name, model = _ACTIONS[number % 3].value, f"person{number % 40}", 1 + number % size.models
        outcome, person, obj = "denied" if number % 50 == 0 else "ok", f"user:{number % 40}", f"model:model-{model}"
        event_id = time_ordered_uuid()
        facts = {
            "schema": 2, "event_id": event_id, "at": at, "action": action, "outcome": outcome, "request_id": f"r{number}",
            "actor": {"ref": person, "kind": "user", "name": name, "auth": "token"}, "object": obj,
            "stream": f"model:{model}", "before": {}, "after": {"note": "x" * 250}, "reason": "", "app_version": "0.1.0",
        }  # fmt: skip
        stream, request_id = f"model:{model}", f"r{number}"
        yield event_id, canonical_bytes(facts), at, action, outcome, person, name, obj, stream, request_id

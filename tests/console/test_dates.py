"""One format for times: pages write them with the filters `ago`, `on_date` and `exact`, and tables of records alike."""

from __future__ import annotations

import re

import pytest

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from audit.services import record
from core.actors import Actor
from tests.architecture.source import ROOT, modules, name_of
from tests.console.conftest import SignedIn

_OTHERS = re.compile(r"\|\s*(?:date|time|timesince|timeuntil|naturaltime|naturalday)\b|\{%\s*now\b")
# The value of a date field is what HTML says, not what people read.
_FIELD = re.compile(r"""type="date"[^>]*value="\{\{[^}]*\|date:'Y-m-d'\s*\}\}\"""")
# In Python, texts have ISO dates; the one filter that writes the name of a month has the exact time on hover.
_DIRECTIVES = re.compile(r"%[a-zA-Z-][^}\"]*")
_ISO = re.compile(r"%Y-%m-%d([ T]%H:%M(:%S)?)?( UTC)?$")
_NAMES_MONTHS = "console/templatetags/custody.py"


def test_templates_use_the_date_filters_of_the_console() -> None:
    found = []
    for path in sorted((ROOT / "templates").rglob("*.*")):
        text = _FIELD.sub("", path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in _OTHERS.finditer(text)]
    assert found == []


def test_texts_of_pages_write_iso_dates() -> None:
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in modules()
        if name_of(path).startswith(("console/", "notices/")) and name_of(path) != _NAMES_MONTHS
        for line in path.read_text(encoding="utf-8").splitlines()
        if "%Y" in line or "%d" in line or "strftime" in line
        for match in _DIRECTIVES.finditer(line)
        if not _ISO.match(match.group())
    ]
    assert found == []


@pytest.mark.parametrize("table", ["audit/event", "accounts/user", "notices/message", "registry/modelversion"])
def test_admin_tables_format_times_and_empty_values(table: str, ops: User, by_ada: Actor, signed_in: SignedIn) -> None:
    record(actor=by_ada, action=Action.ACCOUNT_SIGNED_IN, obj="user:ada")
    page = signed_in(ops).get(f"/admin/{table}/?q=ada").content.decode()
    assert "of None" not in page
    assert not re.search(r"(a\.m\.|p\.m\.|noon|midnight)", page)
    if table == "audit/event":
        at = Event.objects.latest("pk").at
        assert f"{at:%Y-%m-%d %H:%M:%S} UTC" in page

"""Names of people in the facts of events are commitments, too."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from audit.actions import Action
from audit.exports.files import file_of
from audit.exports.jobs import build_export, start_export
from audit.exports.selection import Filters
from audit.identities.erasing import erase_names
from audit.identities.names import pseudonym_of
from audit.models import Event, EventText, Identity
from audit.queries import describe, events_matching, facts
from audit.services import record
from audit.texts.fact_kinds import FACTS
from audit.transparency.keys import log_signers
from audit.verifier.audit_verify import FACT_NAMES, Key, canonical, verify
from tests.audit import forging
from tests.audit.conftest import export
from tests.conftest import Acting

NAMING = [action for action, kinds in FACTS.items() if kinds.people]
GRANTS = [action for action, kinds in FACTS.items() if kinds.has_people_as_keys]
CAST = re.compile(r"\b(ada|bea|cy)\b")


def body_of(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(bytes(event.body))
    return body


@pytest.mark.parametrize("action", NAMING, ids=lambda action: action.value)
def test_no_name_is_in_the_bytes_of_any_action(ada: User, acting: Acting, action: Action) -> None:
    people = FACTS[action].people
    before: dict[str, object] = {key: ["bea", "cy"] for key in people}
    after: dict[str, object] = {**dict.fromkeys(people, "ada, bea"), "target": "Production"}
    event = record(actor=acting(ada), action=action, obj="run:1", before=before, after=after)
    assert not CAST.search(json.dumps(body_of(event)))
    stored = Event.objects.get(pk=event.pk)
    for each in (event, stored):
        assert (facts(each)["before"], facts(each)["after"]) == (before, after)
    assert set(Identity.objects.values_list("ref", "name")) == {(f"user:{ada.pk}", "ada"), ("", "bea"), ("", "cy")}


@pytest.mark.parametrize("action", GRANTS, ids=lambda action: action.value)
def test_grants_name_their_users_by_commitments(ada: User, acting: Acting, action: Action) -> None:
    before = {"user:bea": "read", "group:cy": "manage"}
    after = {"user:bea": "edit", "user:ada": "manage", "service:bot": "read", "group:cy": "manage"}
    event = record(actor=acting(ada), action=action, obj="model:m", before=before, after=after)
    assert body_of(event)["after"] == {"group:cy": "manage"}
    assert '"user:bea"' not in json.dumps(body_of(event))
    assert (facts(event)["before"], facts(event)["after"]) == (before, after)


@pytest.mark.parametrize(
    "value",
    [
        "sha256:aa",
        "erased person 0",
        "a b",
        "x, ",
        "🙂 x",
        ["bea", 7],
        ["bea", "not a name"],
        {"a": "bea"},
        ["bea"] * 51,
    ],
)
def test_what_is_no_user_name_is_treated_as_a_text(ada: User, acting: Acting, value: object) -> None:
    event = record(actor=acting(ada), action=Action.APPROVALS_FINDING_ASSIGNED, obj="finding:1", after={"owner": value})
    assert FACT_NAMES not in body_of(event)
    assert body_of(event)["after"] == {}
    assert facts(Event.objects.get(pk=event.pk))["after"] == {"owner": value}
    assert EventText.objects.count() == 1


@pytest.mark.parametrize("value", ["", None, []])
def test_nobody_is_nobody(ada: User, acting: Acting, value: object) -> None:
    event = record(actor=acting(ada), action=Action.APPROVALS_FINDING_ASSIGNED, obj="finding:1", after={"owner": value})
    assert body_of(event)["after"] == {"owner": value}


@pytest.fixture
def decided(ada: User, bea: User, acting: Acting) -> list[Event]:
    """Return events of clf that name ada and bea in their facts."""
    ours: Any = {"stream": "model:1", "obj": "model:clf"}
    moved = {"stage": "Production", "approved_by": "ada, bea"}
    return [
        record(actor=acting(bea), action=Action.REGISTRY_STAGE_CHANGED, after=moved, **ours),
        record(
            actor=acting(bea), action=Action.APPROVALS_REQUEST_APPROVED, after={"approvers": ["ada", "bea"]}, **ours
        ),
        record(actor=acting(bea), action=Action.REGISTRY_PERMISSIONS_CHANGED, after={"user:ada": "edit"}, **ours),
    ]


def test_an_erased_person_has_the_pseudonym_in_facts(decided: list[Event], ada: User) -> None:
    assert erase_names(f"user:{ada.pk}", ["ada"]) == 1
    pseudonym = pseudonym_of(f"user:{ada.pk}")
    moved, approved, granted = (facts(event)["after"] for event in events_matching(stream="model:1").events[::-1])
    assert moved["approved_by"] == f"{pseudonym}, bea"
    assert approved["approvers"] == [pseudonym, "bea"]
    assert granted == {f"user:{pseudonym}": "edit"}
    assert "ada" not in re.findall(r"\w+", " ".join(describe(event) for event in Event.objects.all()))


def test_an_export_reveals_them(
    decided: list[Event], ops: User, acting: Acting, keys: list[Key], tmp_path: Path
) -> None:
    path = export(actor=acting(ops), filters=Filters(model="clf"))
    for full in (False, True):
        assert verify(path, keys, full=full).errors == []
    with zipfile.ZipFile(path) as package:
        package.extractall(tmp_path / "export")
    lines = [json.loads(line) for line in (tmp_path / "export" / "identities.jsonl").read_bytes().splitlines()]
    assert {(line["ref"], line["name"]) for line in lines if line["name"] == "ada"} == {("", "ada")}
    assert "ada, bea" in (tmp_path / "export" / "events.csv").read_text()
    assert not CAST.search((tmp_path / "export" / "events.jsonl").read_text())
    kept = [line for line in lines if line["name"] != "ada"]
    (tmp_path / "export" / "identities.jsonl").write_bytes(b"".join(canonical(line) + b"\n" for line in kept))
    forging.sign_again(tmp_path / "export", log_signers()[0])
    assert verify(tmp_path / "export", keys, full=True).errors


def test_without_the_annex_facts_name_nobody(decided: list[Event], ops: User, acting: Acting, keys: list[Key]) -> None:
    job = start_export(actor=acting(ops), filters=Filters(model="clf"), identities=False)
    assert build_export(job.pk)
    job.refresh_from_db()
    with zipfile.ZipFile(file_of(job)) as package:
        assert not CAST.search(package.read("events.csv").decode())
    assert verify(file_of(job), keys, full=True).errors == []


@pytest.mark.parametrize(
    "named",
    [
        {}, [], {"after": {"owner": "x"}}, {"after": {"owner": 1}}, {"after": []}, {"who": {"owner": "00" * 32}},
        {"after": {"stage": "00" * 32}}, {"keys": {"after": {"user:x": "edit"}}}, {"keys": []},
    ],
)  # fmt: skip
def test_commitments_of_another_form_are_found(
    decided: list[Event], ops: User, acting: Acting, keys: list[Key], tmp_path: Path, named: object
) -> None:
    with zipfile.ZipFile(export(actor=acting(ops), filters=Filters(model="clf"))) as package:
        package.extractall(tmp_path)
    entries = forging.read_entries(tmp_path)
    entries[0]["event"][FACT_NAMES] = named
    lines = [canonical(entry) for entry in entries]
    (tmp_path / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    forging.sign_again(tmp_path, log_signers()[0])
    assert verify(tmp_path, keys, full=True).errors

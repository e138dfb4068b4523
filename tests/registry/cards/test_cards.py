"""Model cards: filled from the run, edited by people, versioned, never changed."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from core.append_only import AppendOnlyError
from core.canonical import digest_of
from core.errors import Conflict, Denied, InvalidInput, TooLarge
from registry import mlmodel
from registry.cards import AUTO_KEYS, HUMAN_KEYS, is_placeholder, missing_fields
from registry.mlmodel import read_mlmodel
from registry.models import CardRevision, ModelVersion
from registry.queries import current_card
from registry.services.cards import edit_card
from tests.conftest import Acting
from tests.registry.conftest import ROOT, RUN, NewVersion
from tracking.artifacts import store_artifact
from tracking.models import Dataset, LatestMetric, Param, Run, RunInput, RunTag

WRITTEN = dict.fromkeys(HUMAN_KEYS, "Scores card payments; analysts look at every hit.")


def edited(actor: Actor, version: ModelVersion, number: int = 1, **fields: str) -> CardRevision:
    return edit_card(actor=actor, version=version, fields=fields, expected_number=number)


def test_the_first_card_says_what_was_logged_and_where(by_ada: Actor, run: Run, new_version: NewVersion) -> None:
    Param.objects.create(run=run, key="depth", value="3")
    RunTag.objects.create(run=run, key="git_commit", value="abc123")
    RunTag.objects.create(run=run, key="dataset_version", value="orders_v2.1")
    LatestMetric.objects.create(run=run, key="val_auc", value=0.91, timestamp_ms=1)
    LatestMetric.objects.create(run=run, key="loss", value=0, is_nan=True, timestamp_ms=1)
    used = Dataset.objects.create(
        experiment=run.experiment, name="orders", digest="d1", source_type="local", source="x"
    )
    RunInput.objects.create(run=run, dataset=used, context="training")
    body = current_card(new_version()).body
    assert body["metrics"] == {"value": {"loss": "NaN", "val_auc": "0.91"}, "source": "auto", "pointer": f"run:{RUN}"}
    assert body["parameters"]["value"] == {"depth": "3"}
    assert body["code"]["value"] == {"commit": "abc123"}
    assert [data["name"] for data in body["data"]["value"]] == ["orders", "orders_v2.1"]
    assert body["training"]["value"]["author"] == "ada"


def test_signature_and_framework_come_from_the_mlmodel_file(new_version: NewVersion) -> None:
    version = new_version()
    body = current_card(version).body
    assert body["signature"]["value"]["inputs"][0] == {"name": "age", "type": "double"}
    assert body["signature"]["value"]["outputs"][0]["type"] == "int64[-1]"
    assert body["framework"]["value"]["sklearn version"] == "1.9.0"
    assert body["signature"]["pointer"] == f"artifact:{ROOT}/model/MLmodel"
    assert body["artifact"]["value"] == version.artifact_digest


def test_a_new_card_lacks_every_human_field(new_version: NewVersion) -> None:
    card = current_card(new_version())
    assert missing_fields(card) == list(HUMAN_KEYS)
    assert card.digest == digest_of(card.body)
    assert set(card.body) == {*HUMAN_KEYS, *AUTO_KEYS}


def test_an_edit_is_a_new_revision(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    card = edit_card(actor=by_ada, version=version, fields=WRITTEN, expected_number=1)
    assert (card.number, missing_fields(card)) == (2, [])
    assert card.body["limitations"]["pointer"] == "user:ada"
    assert CardRevision.objects.get(number=1).digest != card.digest == digest_of(card.body)
    assert Event.objects.filter(action="registry.card.edited").count() == 1


def test_an_edit_that_changes_nothing_is_none(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    edited(by_ada, version, limitations="Few examples from 2020.")
    assert edited(by_ada, version, 2, limitations=" Few examples from 2020.\r\n").number == 2
    assert CardRevision.objects.count() == 2


def test_two_editors_do_not_overwrite_each_other(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    edited(by_ada, version, limitations="one")
    with pytest.raises(Conflict, match="revision 2"):
        edited(by_ada, version, 1, limitations="two")
    assert current_card(version).number == 2


@pytest.mark.parametrize("key", [*AUTO_KEYS, "nonsense", ""])
def test_only_human_fields_are_edited(key: str, by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    with pytest.raises(InvalidInput):
        edit_card(actor=by_ada, version=version, fields={key: "x"}, expected_number=1)
    assert current_card(version).number == 1


def test_a_field_has_a_limit(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    with pytest.raises(TooLarge):
        edited(by_ada, version, limitations="x" * 20_001)


def test_a_reader_edits_no_card(settings: Settings, cy: User, acting: Acting, new_version: NewVersion) -> None:
    version = new_version()
    settings.DEFAULT_MODEL_LEVEL = "read"
    with pytest.raises(Denied):
        edited(acting(cy), version, limitations="mine")
    assert CardRevision.objects.count() == 1


@pytest.mark.parametrize("change", [lambda rows: rows.update(author="x"), lambda rows: rows.delete()])
def test_python_refuses_to_change_a_revision(change: Callable[[Any], object], new_version: NewVersion) -> None:
    new_version()
    with pytest.raises(AppendOnlyError):
        change(CardRevision.objects.all())
    assert CardRevision.objects.get().author == "ada"


@pytest.mark.parametrize("sql", ["UPDATE registry_cardrevision SET author = 'x'", "DELETE FROM registry_cardrevision"])
def test_the_database_refuses_to_change_a_revision(sql: str, new_version: NewVersion) -> None:
    new_version()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert CardRevision.objects.get().author == "ada"


def test_a_version_with_a_card_cannot_be_deleted_from_the_database(new_version: NewVersion) -> None:
    version = new_version()
    with pytest.raises(ProtectedError):
        version.delete()
    assert current_card(version).number == 1


@pytest.mark.parametrize(
    "text",
    ["", " \n", "TODO", "todo: write this", "n/a", "N.A.", "-", "—", "...", "TBD.", "None", "?", "to be defined"],
)
def test_placeholders_say_nothing(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize("text", ["None known so far.", "Not for children", "Todos are ranked by it", "a", "1", "審査"])
def test_short_answers_are_answers(text: str) -> None:
    assert not is_placeholder(text)


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just text",
        b"[1, 2]",
        BOMB,
        b"!!python/object/apply:os.system ['true']",
        b"a: [",
        b"\xff\xfe\x00",
        b"x" * 1_000_001,
    ],
)
def test_a_strange_mlmodel_is_no_mlmodel(data: bytes, by_ada: Actor) -> None:
    store_artifact(actor=by_ada, path="0/r/artifacts/MLmodel", stream=io.BytesIO(data))
    assert read_mlmodel("0/r/artifacts/MLmodel") is None


@given(
    st.dictionaries(
        st.sampled_from(["signature", "flavors", "mlflow_version"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=10),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["inputs", "outputs", "x"]), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    )
)
def test_any_shape_of_mlmodel_is_survived(data: dict[str, object]) -> None:
    assert mlmodel._parsed(data).framework is not None

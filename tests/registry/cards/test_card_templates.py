"""Templates, completeness, values and differences of cards: what is asked for, and when something is said."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.actors import Actor
from core.errors import InvalidInput
from registry.cards import (
    AUTO_KEYS,
    BY_KEY,
    EDITABLE_KEYS,
    FIELDS,
    HUMAN_KEYS,
    Kind,
    completeness,
    find_template,
    says_nothing,
)
from registry.cards.diff import Body, diff_bodies
from registry.cards.templates import TEMPLATE_OF_TIER, TEMPLATES, Template, explain_migration, required_keys
from registry.cards.values import as_lines, checked_value, from_lines
from registry.models import CardRevision
from registry.queries import current_card
from registry.questionnaire import TIERS
from registry.services.cards import edit_card
from tests.registry.card_cast import FULL
from tests.registry.conftest import NewVersion

SLICES = BY_KEY["slices"]


def test_keys_and_paths_are_unique() -> None:
    assert len({field.key for field in FIELDS}) == len({field.path for field in FIELDS}) == len(FIELDS)
    paths = {field.path for field in FIELDS}
    assert not [path for path in paths if any(other.startswith(f"{path}.") for other in paths)]


def test_every_template_asks_for_fields_that_exist_and_for_each_once() -> None:
    for template in TEMPLATES:
        keys = [asked.key for asked in template.requirements]
        assert set(keys) <= set(BY_KEY), template.label
        assert len(set(keys)) == len(keys), template.label
    assert set(TEMPLATE_OF_TIER) == set(TIERS)


def test_plain_asks_for_the_six_fields_of_every_card() -> None:
    assert required_keys(find_template("plain")) == HUMAN_KEYS


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.label)
def test_a_higher_tier_never_asks_for_less(template: Template) -> None:
    asked = [set(required_keys(template, tier)) for tier in (*TIERS, "")]
    assert all(lower <= higher for lower, higher in pairwise(asked))


@pytest.mark.parametrize(
    ("tier", "label"),
    [("minimal", "plain@1"), ("limited", "transparency@1"), ("high", "eu_annex_iv@1"), ("", "eu_annex_iv@1")],
)
def test_a_template_by_tier(tier: str, label: str) -> None:
    assert find_template("by_tier", tier=tier).label == label


def test_a_template_by_version() -> None:
    assert (find_template("mrm").version, find_template("mrm@1").version) == (2, 1)
    for name in ("mrm@3", "nonsense", ""):
        with pytest.raises(InvalidInput, match="plain"):
            find_template(name)


def test_a_migration_says_what_is_asked_now() -> None:
    found = explain_migration(find_template("mrm@1"), find_template("mrm@2"), "minimal")
    assert {"risk_rating", "risk_rationale", "restrictions", "users"} <= set(found.asked_now)
    assert "independent_validation" in found.no_longer_asked
    assert found.explanation.startswith("SR 26-2 replaces")


def test_completeness_counts_what_is_said() -> None:
    template = find_template("plain")
    assert completeness(HUMAN_KEYS, template).score == 100
    found = completeness(HUMAN_KEYS[:5], template)
    assert (found.filled, found.total, found.score, found.missing) == (5, 6, 83, ("failure_modes",))


def test_the_card_of_the_tests_says_everything(by_ada: Actor, new_version: NewVersion) -> None:
    assert set(FULL) == set(EDITABLE_KEYS)
    card = edit_card(actor=by_ada, version=new_version(), fields=FULL, expected_number=1)
    assert not [key for key in EDITABLE_KEYS if says_nothing(card.body[key])]


@pytest.mark.parametrize("value", ["", "TODO", [], ["TODO", "n/a"], [{}], [{"metric": "tbd"}], {}, None, {"a": ""}])
def test_nothing_whatever_its_kind(value: object) -> None:
    assert says_nothing({"value": value, "source": "human", "pointer": ""})


cells = st.text(alphabet=st.sampled_from("ab|\\ ,.é1"), max_size=8).map(lambda text: " ".join(text.split()))


@given(st.lists(st.dictionaries(st.sampled_from(SLICES.columns), cells.filter(bool), min_size=1), max_size=4))
def test_a_table_edited_as_lines_and_not_changed_is_the_same(rows: list[dict[str, str]]) -> None:
    kept = checked_value(SLICES, rows)
    again = from_lines(SLICES, as_lines(SLICES, kept))
    assert checked_value(SLICES, again) == kept


def test_a_row_with_too_many_cells_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Line 2 has 10 cells"):
        from_lines(SLICES, "a | b\n1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10")


def test_every_kind_of_field_has_a_difference() -> None:
    before: Body = {"task": {"value": "a", "source": "human"}, "users": {"value": ["x"]}, "misuse": {"value": ""}}
    after: Body = {"task": {"value": "a", "source": "imported"}, "users": {"value": ["x", "y"]}}
    (change,) = diff_bodies(before, after)
    assert (change.field.key, change.texts) == ("users", ("x", "x\ny"))


def test_a_card_from_before_the_new_fields_is_read_and_edited(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    old_keys = {*HUMAN_KEYS, "training", "data", "metrics", "parameters", "code", "signature", "framework", "artifact"}
    body = {key: entry for key, entry in current_card(version).body.items() if key in old_keys}
    CardRevision.objects.create(version=version, number=2, body=body, digest="0" * 64, author="ada")
    card = edit_card(actor=by_ada, version=version, fields={"users": ["Analysts"]}, expected_number=2)
    assert (card.number, card.body["users"]["value"]) == (3, ["Analysts"])
    assert {*card.body} - old_keys == {"users", *AUTO_KEYS} - old_keys  # what is measured is brought up to date


def test_only_text_fields_hold_markdown() -> None:
    assert {BY_KEY[key].kind for key in HUMAN_KEYS} == {Kind.TEXT}

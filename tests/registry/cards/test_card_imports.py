"""Imports of cards in every format: round trips, and no text of a document is lost without a word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Event
from core.actors import Actor
from core.errors import TooLarge
from registry.cards.document import CardSource, card_source
from registry.cards.exports.cyclonedx import to_cyclonedx
from registry.cards.exports.huggingface import to_huggingface
from registry.cards.exports.mct import to_mct
from registry.cards.imports import read_card
from registry.models import CardRevision
from registry.queries import current_card
from registry.services.cards import edit_card, import_card
from tests.registry.card_cast import FULL
from tests.registry.conftest import NewVersion
from tracking.models import LatestMetric, Run

EXPORTS: dict[str, Callable[[CardSource], bytes]] = {
    "hf": lambda card: to_huggingface(card).encode(),
    "mct": lambda card: orjson.dumps(to_mct(card)),
    "cyclonedx": lambda card: orjson.dumps(to_cyclonedx(card)),
}
# What a format has no place for, or keeps only in part.
LOST = {
    "hf": {
        *(
            "approach",
            "architecture_family",
            "architecture",
            "test_reports",
            "cybersecurity",
            "stakeholders",
            "regulatory",
        ),
        *(
            "risk_rating",
            "risk_rationale",
            "risk_management",
            "restrictions",
            "standards",
            "conformity",
            "record_keeping",
        ),
        *("independent_validation", "business_owner", "business_problem", "business_line"),
    },
    "mct": {
        *("approach", "task", "languages", "base_models", "design_choices", "interactions", "hardware", "fairness"),
        *("test_reports", "stakeholders", "regulatory", "business_owner", "business_problem", "business_line"),
        *("risk_rating", "risk_rationale", "risk_management", "restrictions", "standards", "conformity"),
        *("independent_validation", "record_keeping", "architecture", "architecture_family", "slices"),
    },
    "cyclonedx": {"slices", "licence"},
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_what_was_exported_comes_back(kind: str, by_ada: Actor, run: Run, new_version: NewVersion) -> None:
    LatestMetric.objects.create(run=run, key="val_auc", value=0.91, timestamp_ms=1)
    version = new_version()
    card = edit_card(actor=by_ada, version=version, fields=FULL, expected_number=1)
    imported = read_card(kind, EXPORTS[kind](card_source(version, card)), body=card.body)
    assert {key: imported.fields.get(key) for key in FULL if key not in LOST[kind]} == {
        key: value for key, value in FULL.items() if key not in LOST[kind]
    }
    assert imported.unknown == []
    assert "val_auc" not in {row["metric"] for row in imported.fields["slices"]}


def test_an_import_is_a_revision_that_says_where_it_came_from(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    edit_card(actor=by_ada, version=version, fields={"misuse": "Kept."}, expected_number=1)
    imported = read_card("hf", b"# X\n\n## Limitations\n\nWeak at night.\n", body={})
    card = import_card(actor=by_ada, version=version, fields=imported.fields, expected_number=2, origin=imported.origin)
    entry = card.body["limitations"]
    assert (card.number, entry["value"], entry["source"]) == (3, "Weak at night.", "imported")
    assert entry["pointer"].startswith("import:huggingface/sha256:")
    assert card.body["misuse"]["value"] == "Kept."
    assert Event.objects.filter(action="registry.card.edited").count() == 2


def test_an_edit_of_an_imported_field_is_a_person_s(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    import_card(actor=by_ada, version=version, fields={"misuse": "Theirs."}, expected_number=1, origin="import:x")
    card = edit_card(actor=by_ada, version=version, fields={"misuse": "Ours."}, expected_number=2)
    assert card.body["misuse"] == {"value": "Ours.", "source": "human", "pointer": "user:ada"}


# Places in documents of other people, with how they are named where a card has no place for them.
SHAPES: dict[str, list[tuple[str, ...]]] = {
    "hf": [
        ("language", "[]"), ("license", "[]"), ("license_name",), ("license_link",), ("pipeline_tag",), ("base_model", "[]"),
        ("datasets", "[]"), ("library_name",), ("metrics", "[]"), ("model_name",), ("widget", "[]", "text"), ("co2", "source"),
        *(("model-index", "[]", "results", "[]", "dataset", key) for key in ("name", "type", "config", "split", "revision")),
        *(("model-index", "[]", "results", "[]", "metrics", "[]", key) for key in ("type", "value", "verifyToken")),
        ("model-index", "[]", "results", "[]", "source", "url"), ("model-index", "[]", "name"),
    ],
    "mct": [
        *(("model_details", key) for key in ("overview", "path", "x")), ("model_details", "license", "identifier"),
        ("model_details", "licenses", "[]", "custom_text"), ("model_details", "owners", "[]", "name"),
        ("model_details", "owners", "[]", "contact"), ("model_details", "owners", "[]", "role"),
        ("model_details", "references", "[]", "reference"), ("model_details", "citations", "[]", "style"),
        *(("model_parameters", key) for key in ("model_architecture", "input_format", "output_format")),
        ("model_parameters", "data", "[]", "name"), ("model_parameters", "input_format_map", "[]", "key"),
        *(("quantitative_analysis", "performance_metrics", "[]", key) for key in ("type", "value", "slice", "threshold")),
        ("quantitative_analysis", "performance_metrics", "[]", "confidence_interval", "lower_bound"),
        ("quantitative_analysis", "graphics", "description"), ("considerations", "users", "[]", "description"),
        ("considerations", "ethical_considerations", "[]", "name"), ("considerations", "x"), ("other", "y"),
    ],
    "cyclonedx": [
        *(("components", "[]", key) for key in ("description", "author", "publisher", "copyright", "group")),
        ("components", "[]", "supplier", "name"), ("components", "[]", "supplier", "url", "[]"),
        ("components", "[]", "externalReferences", "[]", "url"), ("components", "[]", "externalReferences", "[]", "comment"),
        ("components", "[]", "properties", "[]", "name"), ("components", "[]", "licenses", "[]", "license", "name"),
        *(("components", "[]", "modelCard", "modelParameters", key) for key in ("task", "modelArchitecture")),
        *(("components", "[]", "modelCard", "modelParameters", key, "[]", "format") for key in ("inputs", "outputs")),
        ("components", "[]", "modelCard", "modelParameters", "datasets", "[]", "ref"),
        *(("components", "[]", "modelCard", "quantitativeAnalysis", "performanceMetrics", "[]", key) for key in ("type", "slice")),
        ("components", "[]", "modelCard", "considerations", "useCases", "[]"),
        ("components", "[]", "modelCard", "considerations", "environmentalConsiderations", "energy"),
        ("components", "[]", "modelCard", "properties", "[]", "name"), ("metadata", "supplier", "name"), ("annotations", "[]", "text"),
    ],
}  # fmt: skip


def _put(document: Any, place: tuple[str, ...], text: str) -> Any:
    if not place:
        return text
    if place[0] == "[]":
        return [_put(document[0] if document else None, place[1:], text)]
    held: dict[str, Any] = document or {}
    return {**held, place[0]: _put(held.get(place[0]), place[1:], text)}


@given(st.data())
def test_everything_is_taken_or_named(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(SHAPES)))
    places = data.draw(st.lists(st.sampled_from(SHAPES[kind]), min_size=1, max_size=8, unique=True))
    document: Any = {"bomFormat": "CycloneDX", "components": [{"modelCard": {}}]} if kind == "cyclonedx" else {}
    document |= {"considerations": {}, "model_details": {}} if kind == "mct" else {}
    marks = {place: f"mark {number} of a text" for number, place in enumerate(places)}
    for place, mark in marks.items():
        document = _put(document, place, mark)
    text = f"---\n{orjson.dumps(document).decode()}\n---\n## Limitations\n\nSome.\n".encode()
    imported = read_card(kind, text if kind == "hf" else orjson.dumps(document), body={})
    said = orjson.dumps(imported.fields).decode()
    for place, mark in marks.items():
        named = any(mark in name or name.removesuffix("[]").endswith(_last(place)) for name in imported.unknown)
        assert mark in said or named, (place, imported.unknown)


def _last(place: tuple[str, ...]) -> str:
    return next(part for part in reversed(place) if part != "[]")


def test_a_cyclonedx_document_of_somebody_else() -> None:
    card = {
        "considerations": {"useCases": ["A", "B"], "users": ["x\ny"]},
        "properties": [{"name": "theirs", "value": "1"}],
    }
    model = {"type": "machine-learning-model", "name": "m", "modelCard": card}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"type": "library"}, model, model]}
    imported = read_card("cyclonedx", orjson.dumps(document), body={})
    assert imported.fields == {"intended_use": "A\n\nB", "users": ["x y"]}
    assert imported.unknown == ["component m: only the first model card is read", "property theirs"]


def test_a_refused_value_writes_nothing(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    with pytest.raises(TooLarge):
        import_card(actor=by_ada, version=version, fields={"task": "x" * 2000}, expected_number=1, origin="import:x")
    assert (CardRevision.objects.count(), current_card(version).number) == (1, 1)

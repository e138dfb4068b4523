"""Imports of cards: round trips, cards of others, and what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Event
from core.actors import Actor
from core.errors import DomainError, InvalidInput, TooLarge
from registry.cards.document import CardSource, card_source
from registry.cards.exports.cyclonedx import to_cyclonedx
from registry.cards.exports.huggingface import to_huggingface
from registry.cards.exports.mct import to_mct
from registry.cards.fields import EDITABLE_KEYS
from registry.cards.imports import IMPORTS, read_card
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


README = """---
license: other
license_name: house-licence
language: [en, de]
pipeline_tag: text-classification
base_model: google-bert/bert-base-cased
inference: false
model-index:
- name: mood
  results:
  - task: {type: text-classification}
    dataset: {type: imdb, name: IMDb, split: test, revision: abc}
    metrics:
    - {type: accuracy, value: 0.93}
---
# Model Card for mood

Tells moods apart.

<!-- a comment -->
## Uses

### Direct Use

Reviews of films.

### Downstream Use

Further training.

## Bias, Risks, and Limitations

English only.

```
## not a heading
```

## Training Details

### Training Data

[More Information Needed]
"""


def test_a_readme_of_somebody_else() -> None:
    imported = read_card("hf", README.encode(), body={})
    assert imported.fields == {
        "intended_use": "Reviews of films.",
        "limitations": "English only.\n\n```\n## not a heading\n```",
        "overview": "Tells moods apart.",
        "licence": "house-licence",
        "task": "text-classification",
        "languages": ["en", "de"],
        "base_models": ["google-bert/bert-base-cased"],
        "training_data": "[More Information Needed]",
        "slices": [
            {
                "metric": "accuracy",
                "slice": "IMDb test",
                "value": "0.93",
                "dataset_digest": "abc",
                "dataset": "IMDb",
                "split": "test",
            }
        ],
    }
    assert imported.unknown == [
        "section “Downstream Use”",
        "front matter: inference",
        "front matter: model-index[].name",
        "front matter: model-index[].results[].task.type",
        "front matter: model-index[].results[].dataset.type",
    ]


FRONT = """---
language: no
license: [mit, apache-2.0]
library_name: transformers
datasets: [imdb, squad]
metrics: [accuracy]
tags: [mood]
released: 2024-01-01
model-index:
- results:
  - dataset: {name: IMDb, config: plain, split: test, args: {year: 2020}}
    metrics:
    - {type: f1, name: F1, value: 0.9, verified: true, args: {average: macro}}
    - {type: loss, value: {a: 1}}
    source: {name: Board, url: https://example.org}
---
"""


def test_front_matter_is_taken_or_named() -> None:
    imported = read_card("hf", FRONT.encode(), body={})
    assert (imported.fields["languages"], imported.fields["licence"]) == (["no"], "mit, apache-2.0")
    assert imported.fields["slices"] == [
        {
            "metric": "F1",
            "slice": "IMDb plain test",
            "value": "0.9",
            "dataset": "IMDb",
            "config": "plain",
            "split": "test",
        }
    ]
    place = "front matter: model-index[].results[]."
    assert imported.unknown == [
        f"{place}metrics[].type f1",
        f"{place}metrics[].value of loss",
        *(f"front matter: {key}" for key in ("library_name", "datasets[]", "metrics[]", "tags[]", "released")),
        f"{place}dataset.args.year",
        f"{place}metrics[].verified",
        f"{place}metrics[].args.average",
        f"{place}metrics[].value.a",
        f"{place}source.name",
        f"{place}source.url",
    ]


@pytest.mark.parametrize("code", ["no", "yes", "on", "off", "y", "n"])
def test_a_language_code_is_a_text(code: str) -> None:
    imported = read_card("hf", f"---\nlanguage:\n- {code}\n- en\n---\n".encode(), body={})
    assert imported.fields["languages"] == [code, "en"]


def test_a_slice_keeps_dataset_config_and_split(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    imported = read_card("hf", FRONT.encode(), body={})
    card = import_card(actor=by_ada, version=version, fields=imported.fields, expected_number=1, origin=imported.origin)
    readme = to_huggingface(card_source(version, card))
    again = read_card("hf", readme.replace("- custody\n", "- other\n").encode(), body={}).fields["slices"]
    kept = [{key: row.get(key) for key in ("metric", "value", "dataset", "config", "split")} for row in again]
    assert kept == [{"metric": "F1", "value": "0.9", "dataset": "IMDb", "config": "plain", "split": "test"}]


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


BOMB = b"---\na: &a [x,x,x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b]\n---\n## Limitations\n\nYes.\n"


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("hf", BOMB, "YAML"),
        ("hf", b"---\na: !!python/object/apply:os.system [x]\n---\n", "YAML"),
        ("hf", b"---\n[1]\n---\n", "mapping"),
        ("hf", b"---\na: [\n---\n", "YAML"),
        ("hf", b"", "nothing"),
        ("hf", b"<!DOCTYPE html><html></html>", "HTML page"),
        ("hf", b"## Limitations\n\n<ScRipt>alert(1)</script>", "script"),
        ("hf", b"## Limitations\n\n<img src=x onerror=alert(1)>", "attribute"),
        ("hf", b"## Limitations\n\n[x](javascript:alert(1))", "link"),
        ("hf", b"\xff\xfe", "UTF-8"),
        ("hf", b"a\x00b", "NUL"),
        ("mct", b"{", "JSON"),
        ("mct", b"[1]", "object"),
        ("mct", b"{}", "Toolkit"),
        ("mct", b'{"model_details": 1}', "object"),
        ("mct", b'{"considerations": {"users": {}}}', "list"),
        ("mct", b"[" * 100_000, "JSON"),
        ("cyclonedx", b"{}", "bomFormat"),
        ("cyclonedx", b'{"bomFormat": "CycloneDX"}', "modelCard"),
        ("nonsense", b"{}", "Unknown card format"),
    ],
)
def test_what_cannot_be_read_is_refused(kind: str, data: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_card(kind, data, body={})


def test_a_document_has_a_limit() -> None:
    with pytest.raises(TooLarge):
        read_card("hf", b"x" * 1_000_001, body={})


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "data", [b"<!--" * 200_000, b"#" * 900_000, b"# " + b" #" * 400_000, b"<a " * 300_000, b"|" * 900_000]
)
def test_hostile_markdown_takes_no_time(data: bytes) -> None:
    with contextlib.suppress(InvalidInput):  # that it comes back at all is the test: the time limit of a test is short
        assert set(read_card("hf", data, body={}).fields) <= {"overview"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["mct", "cyclonedx"]),
    st.dictionaries(
        st.sampled_from(
            ["model_details", "considerations", "quantitative_analysis", "model_parameters", "components", "metadata"]
        ),
        json_values
        | st.dictionaries(
            st.sampled_from(
                ["owners", "licenses", "users", "performance_metrics", "component", "modelCard", "version"]
            ),
            json_values,
            max_size=3,
        ),
    ),
)
def test_any_json_is_read_or_refused(kind: str, document: dict[str, Any]) -> None:
    try:
        found = read_card(kind, orjson.dumps({"bomFormat": "CycloneDX", **document}), body={})
    except DomainError:
        return
    assert set(found.fields) <= set(EDITABLE_KEYS)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for kind in IMPORTS:
        try:
            found = read_card(kind, text.encode("utf-8", "replace"), body={})
        except DomainError:
            continue
        assert set(found.fields) <= set(EDITABLE_KEYS)


def test_a_refused_value_writes_nothing(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    with pytest.raises(TooLarge):
        import_card(actor=by_ada, version=version, fields={"task": "x" * 2000}, expected_number=1, origin="import:x")
    assert (CardRevision.objects.count(), current_card(version).number) == (1, 1)

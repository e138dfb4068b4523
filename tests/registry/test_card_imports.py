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
        "slices": [{"metric": "accuracy", "slice": "IMDb test", "value": "0.93", "dataset_digest": "abc"}],
    }
    assert imported.unknown == ["section “Downstream Use”", "front matter: inference"]


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
        ("nonsense", b"{}", "imported from"),
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

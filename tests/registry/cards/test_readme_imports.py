"""Imports of model cards of Hugging Face: Markdown with a front matter in YAML."""

from __future__ import annotations

import pytest

from core.actors import Actor
from registry.cards.document import card_source
from registry.cards.exports.huggingface import to_huggingface
from registry.cards.imports import read_card
from registry.services.cards import import_card
from tests.registry.conftest import NewVersion

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

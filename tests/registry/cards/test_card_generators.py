"""Documents as the formats' own libraries write them: everything in them is taken by an import, or named as unknown."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import orjson
from cyclonedx.model import ExternalReference, ExternalReferenceType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from huggingface_hub import EvalResult, ModelCardData
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from registry.cards.imports import read_card
from tests.registry.official_schemas import MCT_0_0_2

# Few: the documents differ in which of some twenty places they fill, and a fault in one place shows at once.
_SOME = settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate])
_HF_TEXTS = ("license", "license_name", "license_link", "library_name", "pipeline_tag", "base_model", "language")
_HF_LISTS = ("datasets", "metrics", "tags")
_RESULT_TEXTS = (
    *("task_name", "dataset_config", "dataset_split", "dataset_revision", "metric_name", "metric_config"),
    *("source_name", "verify_token"),
)


def marks(word: str) -> Iterator[str]:
    """Yield texts that occur nowhere else."""
    return (f"{word}-{number:03d}-mark" for number in itertools.count())


def lost(kind: str, document: bytes, written: dict[str, str]) -> list[str]:
    """Return what was written and neither taken nor named: by its text, or by the name of its place."""
    imported = read_card(kind, document, body={})
    taken = orjson.dumps(imported.fields).decode()
    return [
        f"{place}={mark} ({imported.unknown})"
        for mark, place in written.items()
        if mark not in taken
        and not any(
            mark in name
            or place in name.replace("[]", "").split(".")
            or place in name
            or f"{place}.".startswith(f"{name.replace('[]', '')}.")
            for name in imported.unknown
        )
    ]


def _results(data: DataObject, text: Iterator[str], written: dict[str, str]) -> list[EvalResult]:
    made = []
    for number in range(data.draw(st.integers(0, 2))):
        chosen = {name: next(text) for name in data.draw(st.sets(st.sampled_from(_RESULT_TEXTS)))}
        if "source_name" in chosen:
            chosen["source_url"] = f"https://example.org/{next(text)}"
        always = {
            "task_type": next(text),
            "dataset_type": next(text),
            "dataset_name": next(text),
            "metric_type": next(text),
        }
        value = float(f"0.{number + 1}5625")
        fields: dict[str, Any] = {**always, **chosen}
        made.append(EvalResult(metric_value=value, **fields))
        # Where a metric or a task has a name, that is what people read; the type stands beside it.
        places = {"verify_token": "verifyToken"}
        written |= {mark: places.get(name, name.partition("_")[2]) for name, mark in (always | chosen).items()}
        written[str(value)] = "value"
    return made


@_SOME
@given(st.data())
def test_a_card_of_hugging_face(data: DataObject) -> None:
    text = marks("hf")
    written: dict[str, str] = {}
    chosen = {"license", *data.draw(st.sets(st.sampled_from(_HF_TEXTS)))}  # a card that says nothing is refused
    fields: dict[str, Any] = {name: next(text) for name in sorted(chosen)}
    written |= {mark: name for name, mark in fields.items()}
    for name in sorted(data.draw(st.sets(st.sampled_from(_HF_LISTS)))):
        fields[name] = [next(text), next(text)]
        written |= dict.fromkeys(fields[name], name)
    results = _results(data, text, written)
    named: dict[str, Any] = {"model_name": next(text), "eval_results": results} if results else {}
    front = ModelCardData(**fields, **named).to_yaml()
    assert lost("hf", f"---\n{front}\n---\n# A model\n".encode(), written) == []


@_SOME
@given(st.data())
def test_a_component_of_cyclonedx(data: DataObject) -> None:
    text = marks("cdx")
    written: dict[str, str] = {}
    chosen = data.draw(st.sets(st.sampled_from(["description", "publisher", "group", "copyright", "version"])))
    fields: dict[str, Any] = {name: next(text) for name in chosen}
    written |= {mark: name for name, mark in fields.items()}
    if data.draw(st.booleans()):
        fields["supplier"] = OrganizationalEntity(name=next(text), urls=[XsUri(f"https://example.org/{next(text)}")])
        written[fields["supplier"].name] = "supplier"
    if data.draw(st.booleans()):
        fields["licenses"] = [DisjunctiveLicense(name=next(text))]
        written[fields["licenses"][0].name] = "licenses"
    if data.draw(st.booleans()):
        address = f"https://example.org/{next(text)}"
        fields["external_references"] = [ExternalReference(type=ExternalReferenceType.OTHER, url=XsUri(address))]
        written[address] = "externalReferences"
    if data.draw(st.booleans()):
        fields["properties"] = [Property(name=next(text), value=next(text))]
        written[fields["properties"][0].name] = "property"
    component = Component(type=ComponentType.MACHINE_LEARNING_MODEL, name="scorer", **fields)
    document = json.loads(JsonV1Dot6(Bom(components=[component])).output_as_string())
    document["components"][0]["modelCard"] = {}  # the library writes components, and has no class for their cards
    assert lost("cyclonedx", orjson.dumps(document), written) == []


def _filled(data: DataObject, schema: dict[str, Any], place: str, text: Iterator[str], written: dict[str, str]) -> Any:
    """Return a value for a schema, with a mark in each text of it."""
    if schema["type"] == "array":
        return [_filled(data, schema["items"], place, text, written) for _ in range(data.draw(st.integers(1, 2)))]
    if schema["type"] == "object":
        names = data.draw(st.sets(st.sampled_from(sorted(schema["properties"])), min_size=1))
        if "oneOf" in schema:  # one of its fields, as the format says
            names = {data.draw(st.sampled_from(sorted(schema["properties"])))}
        return {
            name: _filled(data, schema["properties"][name], f"{place}.{name}", text, written) for name in sorted(names)
        }
    if schema.get("format") == "date":
        return "2026-11-20"  # of the version there: the version here has its own
    mark = f"https://example.org/{next(text)}" if schema.get("format") == "uri" else next(text)
    written[mark] = (
        "heading" if place.endswith(".documentation") else place
    )  # it is Markdown, and its parts have headings
    return mark


@_SOME
@given(st.data())
def test_a_card_of_the_model_card_toolkit(data: DataObject) -> None:
    """Whatever the schema of the toolkit allows: a document with any of its fields."""
    text = marks("mct")
    written: dict[str, str] = {}
    document = {
        block: _filled(data, schema, block, text, written)
        for block, schema in sorted(MCT_0_0_2["properties"].items())
        if block != "schema_version" and (block == "considerations" or data.draw(st.booleans()))
    }
    details = document.get("model_details", {})  # the version here has a name and a number of its own
    for own in (details.get("name"), details.get("version", {}).get("name")):
        written.pop(own, None)
    assert lost("mct", orjson.dumps(document), written) == []

"""torch.load and skops.io.load against the scan, as in test_scan_fuzz: the members of their files are changed, and the
file is packed again, so that the readers come as far as the pickle or the schema.

PyTorch lies in an environment of its own (.venv-torch), which only the long leg makes.
"""

from __future__ import annotations

import copy
import json
import random
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.validation.conftest import MODELS
from tests.validation.files.test_scan_fuzz import EVASIONS, SEEDS, answers, call, libraries, mutated, overlooked
from tests.validation.scanning import SYSTEM, scan, zipped

TORCH = ROOT / ".venv-torch" / "bin" / "python"
TORCH_NAMES = ["model.pt", "pytorch_model.bin", "weights", "data.csv", "m.ckpt"]
LEGACY = (MODELS / "tensors.legacy.pt").read_bytes()
NODES = [
    "ObjectNode",
    "FunctionNode",
    "MethodNode",
    "OperatorFuncNode",
    "TypeNode",
    "ReduceNode",
    "PartialNode",
    "JsonNode",
]


def members(name: str) -> dict[str, bytes]:
    with zipfile.ZipFile(MODELS / name) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


TENSORS, PARTS = members("tensors.pt"), members("parts.skops")
SCHEMA = json.loads(PARTS["schema.json"])


def torch_cases(seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(seed)  # noqa: S311 - cases, not secrets
    for _ in range(count):
        if chance.random() < 0.3:
            yield mutated(chance, LEGACY) if chance.random() < 0.7 else LEGACY + chance.choice(SEEDS)
            continue
        files = dict(TENSORS)
        picked = chance.choice([name for name in files if name.endswith("data.pkl")] * 4 + list(files))
        pool = [files[picked], files[picked], chance.choice(SEEDS), call(chance.choice(EVASIONS))]
        files[picked] = mutated(chance, chance.choice(pool)) if chance.random() < 0.9 else pool[-1]
        if chance.random() < 0.2:
            files[chance.choice(["archive/constants.pkl", "archive/code/x.py", ".data/x", "data.pkl"])] = pool[-1]
        yield zipped(files)


def nodes_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "__loader__" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from nodes_in(one)


def skops_cases(seed: int, count: int) -> Iterator[bytes]:
    """Yield files of one part of the recorded one each, with names, loaders and contents changed."""
    chance = random.Random(seed)  # noqa: S311 - cases, not secrets
    whole = list(nodes_in(SCHEMA))
    for _ in range(count):
        schema = copy.deepcopy(SCHEMA)
        key = chance.choice([key for key in schema["content"] if key != "key_types"])
        schema["content"] = {key: schema["content"][key]}
        schema["key_types"]["content"] = schema["key_types"]["content"][:1]
        for _ in range(chance.randint(0, 3)):
            changed(chance, chance.choice(list(nodes_in(schema["content"]))), whole)
        files = {name: data for name, data in PARTS.items() if name in json.dumps(schema)}
        yield zipped({**files, "schema.json": json.dumps(schema).encode()})


def changed(chance: random.Random, node: dict[str, Any], whole: list[dict[str, Any]]) -> None:
    """Change what one node names, how it is loaded, or what it holds."""
    kind = chance.randrange(6)
    if kind == 5:
        texts = [one for one in nodes_in(node) if isinstance(one.get("content"), str)] or [node]
        chance.choice(texts)["content"] = json.dumps(chance.choice(EVASIONS).rpartition(".")[2])
    elif kind == 0:
        node["__module__"], _, node["__class__"] = chance.choice(EVASIONS).rpartition(".")
    elif kind == 1:
        node["__loader__"] = chance.choice(NODES)
    elif kind == 2:
        node["content"] = copy.deepcopy(chance.choice(whole).get("content"))
    elif kind == 3:
        node["__module__"], node["__class__"] = chance.choice([("builtins", "getattr"), ("operator", "attrgetter")])
    else:
        node.update(copy.deepcopy(chance.choice(whole)))


def torch_is_there() -> None:
    if not TORCH.exists():
        pytest.skip(f"{TORCH} is not there: script/test long makes it")


def test_honest_files_pass_and_their_readers_see_names() -> None:
    assert scan("model.pt", zipped(TENSORS)).problems == scan("model.pt", LEGACY).problems == []
    (taken,) = answers([zipped(PARTS)], libraries())
    assert taken is not None
    assert libraries().parts[-3] != ".venv-mlflow" or ("sklearn.linear_model._base", "LinearRegression") in taken


def generator_named(text: str, *, loader: str = "JsonNode") -> bytes:
    """Return a skops file of a random generator whose state names this bit generator."""
    rng = copy.deepcopy(SCHEMA["content"]["rng"])
    named = rng["content"]["bit_generator"]["content"]["bit_generator"]
    named["content"], named["__loader__"] = text, loader
    return zipped({"schema.json": json.dumps({**rng, "protocol": SCHEMA["protocol"]}).encode()})


def test_the_bit_generator_of_skops_is_a_name() -> None:
    assert scan("model.skops", generator_named('"PCG64"')).problems == []
    for file in (generator_named('"seed"'), generator_named("1"), generator_named('"PCG64"', loader="ObjectNode")):
        assert scan("model.skops", file).problems


def test_skops_takes_nothing_that_the_scan_has_not_seen() -> None:
    assert overlooked(list(skops_cases(1, 400)), libraries(), ["model.skops"]) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2, 6))
def test_skops_takes_nothing_in_the_long_run(seed: int) -> None:
    assert overlooked(list(skops_cases(seed, 5000)), libraries(), ["model.skops"]) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2, 6))
def test_torch_takes_nothing_that_the_scan_has_not_seen(seed: int) -> None:
    torch_is_there()
    assert overlooked(list(torch_cases(seed, 5000)), TORCH, TORCH_NAMES) == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_torch_sees_what_the_cases_hide() -> None:
    torch_is_there()
    files = {**TENSORS, next(name for name in TENSORS if name.endswith("data.pkl")): SYSTEM}
    for taken in answers([zipped(files), LEGACY[:-1]], TORCH):
        assert taken

"""lineage.complete and model.signature: what the files beside a model say, read from the store."""

from __future__ import annotations

import io
from typing import Any

import pytest

from core.actors import Actor
from tests.validation.conftest import MODELS
from tests.validation.subjects import TAGS, subject
from tracking.artifacts import store_artifact
from validation.base import CheckResult, Incumbent, RunFacts, Subject
from validation.checks.lineage import Complete
from validation.checks.model import Signature

FOLDER = "0/r2/artifacts/model"


@pytest.fixture
def put(by_ada: Actor) -> Any:
    def stored(name: str, content: bytes, folder: str = FOLDER) -> None:
        store_artifact(actor=by_ada, path=f"{folder}/{name}", stream=io.BytesIO(content))

    return stored


def complete(found: Subject, **params: Any) -> CheckResult:
    check = Complete()
    return check.run(found, check.parse(params), lambda _: None)


def test_code_data_and_environment_are_known(put: Any) -> None:
    put("requirements.txt", b"mlflow==3.17.2\nscikit-learn==1.9.1  # pinned\n-r more.txt\n")
    result = complete(subject(run_tags=TAGS | {"dataset_version": "orders_v2.1"}))
    assert result.passed, result.summary
    assert result.evidence["data"] == ["orders@v2.1"]


@pytest.mark.parametrize(
    ("requirements", "tags", "params", "words"),
    [
        (None, TAGS, {}, "environment: the model has none of requirements.txt"),
        (b"scikit-learn>=1\n", TAGS, {}, "scikit-learn>=1 in requirements.txt without an exact version"),
        (b"a==1\n", {"dataset_version": "v1"}, {}, "code: no commit"),
        (b"a==1\n", {"git_commit": "x"}, {}, "data: no dataset"),
        (b"a==1\n", {"git_commit": "x", "dataset_version": "orders"}, {}, "orders without a version"),
        (b"scikit-learn>=1\n", TAGS, {"pinned": False}, ""),
        (None, TAGS, {"require": ["code", "data"]}, ""),
    ],
)
def test_what_is_not_known(
    put: Any, requirements: bytes | None, tags: dict[str, str], params: dict[str, Any], words: str
) -> None:
    if requirements is not None:
        put("requirements.txt", requirements)
    result = complete(subject(run_tags=tags), **params)
    assert result.passed is (not words), result.summary
    assert words in result.summary


def signature(found: Subject, **params: Any) -> CheckResult:
    check = Signature()
    return check.run(found, check.parse(params), lambda _: None)


def mlmodel(inputs: str, outputs: str = '[{"type": "long", "name": "y"}]') -> bytes:
    return f"signature:\n  inputs: '{inputs}'\n  outputs: '{outputs}'\n".encode()


def test_a_real_models_signature(put: Any) -> None:
    put("MLmodel", (MODELS / "mlflow" / "MLmodel").read_bytes())
    result = signature(subject())
    assert result.passed
    assert result.summary.startswith("The signature names 4 inputs")


@pytest.mark.parametrize("content", [None, b"flavors: {}", b"\x00", b"signature:\n  outputs: '[]'\n"])
def test_a_model_without_a_signature(put: Any, content: bytes | None) -> None:
    if content is not None:
        put("MLmodel", content)
    assert not signature(subject()).passed


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        ('[{"type": "double", "name": "a"}]', ""),
        ('[{"type": "double", "name": "a"}, {"type": "double", "name": "b"}]', "needs b"),
        ('[{"type": "string", "name": "a"}]', "takes a as string, not double"),
    ],
)
def test_callers_of_production_can_go_on(put: Any, ours: str, words: str) -> None:
    put("MLmodel", mlmodel(ours))
    put("MLmodel", mlmodel('[{"type": "double", "name": "a"}]'), folder="0/r1/artifacts/model")
    served = Incumbent(1, 1, RunFacts(run_id="r1"), artifact_path="0/r1/artifacts/model", artifact_digest="x")
    result = signature(subject(incumbent=served), compatible_with="current_production")
    assert result.passed is (not words)
    assert words in result.summary

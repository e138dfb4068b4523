"""What a model folder asks for: Python and packages, from files that somebody uploaded."""

from __future__ import annotations

import io

import pytest

from core.actors import Actor
from registry.environment import read_environment
from tracking.artifacts import store_artifact

FOLDER = "0/r/artifacts/model"


def store(actor: Actor, name: str, data: bytes) -> None:
    store_artifact(actor=actor, path=f"{FOLDER}/{name}", stream=io.BytesIO(data))


def test_python_and_packages(by_ada: Actor) -> None:
    store(by_ada, "python_env.yaml", b"python: 3.11.7\nbuild_dependencies: [pip==23]\n")
    store(
        by_ada,
        "requirements.txt",
        b"mlflow==3.17.2\n# a comment\n--extra-index-url https://x\npandas==3.1 # pinned\n\n",
    )
    assert read_environment(FOLDER) == {"python": "3.11.7", "packages": ["mlflow==3.17.2", "pandas==3.1"]}


def test_nothing_there_says_nothing(by_ada: Actor) -> None:
    assert read_environment(FOLDER) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"a: &a [x]\npython: *a\n",
        b"python: [",
        b"[1]",
        b"\xff\xfe\x00",
        b"python: '; rm -rf /'",
        b"x" * 200_001,
        b"{" * 5000,
    ],
)
def test_a_strange_file_says_nothing(data: bytes, by_ada: Actor) -> None:
    store(by_ada, "python_env.yaml", data)
    assert read_environment(FOLDER) == {}


def test_a_long_list_is_cut(by_ada: Actor) -> None:
    store(by_ada, "requirements.txt", b"\n".join(b"package%d" % number for number in range(1000)))
    packages = read_environment(FOLDER)["packages"]
    assert isinstance(packages, list)
    assert len(packages) == 300

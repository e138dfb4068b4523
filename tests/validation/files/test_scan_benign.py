"""Real models of real libraries pass (tests/validation/make_models.py made them)."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest

from tests.validation.conftest import MODELS
from validation.scanning.files import scan_file
from validation.scanning.report import Budget, FileReport

FILES = sorted(path for path in MODELS.rglob("*") if path.is_file())


def scan(name: str, data: bytes, **budget: object) -> FileReport:
    return scan_file(name, io.BytesIO(data), Budget(**budget))  # type: ignore[arg-type]  # as the test says


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_real_model_file_is_clean(path: Path) -> None:
    found = scan(path.name, path.read_bytes())
    assert (found.verdict, found.problems) == ("clean", [])


@pytest.mark.parametrize(
    "name", ["boosting.cloudpickle.pkl", "boosting.protocol0.pkl", "boosting.joblib", "boosting.skops"]
)
def test_the_name_does_not_matter(name: str) -> None:
    data = (MODELS / name).read_bytes()
    found = scan("weights", data)
    assert found.verdict == "clean"
    assert "sklearn.ensemble._gb.GradientBoostingClassifier" in found.globals


def test_a_zip_of_models_is_looked_into() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(MODELS / "forest.pkl", "inner/forest.pkl")
    found = scan("models.zip", packed.getvalue())
    assert (found.verdict, "sklearn.tree._tree.Tree" in found.globals) == ("clean", True)


@pytest.mark.parametrize(
    ("name", "data", "verdict"),
    [
        ("notes.txt", b"churn\nyes\nno\n", "clean"),
        ("data.csv", b"customer_id,amount\n1,2\n", "clean"),
        ("one_column", b"city\nbern\nbasel\n", "clean"),
        ("ctime.csv", b"ctime\n1\n2\n", "clean"),
        ("weights.bin", bytes(range(200)) * 3, "rejected"),
        ("empty", b"", "clean"),
        ("_SUCCESS", b"", "clean"),
        ("more.json", b'{"a": 1}', "clean"),
    ],
)
def test_other_files(name: str, data: bytes, verdict: str) -> None:
    assert scan(name, data).verdict == verdict


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_is_clean(protocol: int) -> None:
    data = pickle.dumps({"a": [1, 2.5, None, b"x"], "b": OrderedDict(c=(1, 2)), "d": {1, 2}}, protocol=protocol)
    assert scan("params.pkl", data).verdict == "clean"


def test_a_name_can_be_allowed() -> None:
    data = b"cmycompany.models\nScorer\n)R."
    assert scan("m.pkl", data).verdict == "rejected"
    assert scan("m.pkl", data, allow={"mycompany.models.Scorer"}).verdict == "clean"


def test_code_can_be_allowed() -> None:
    assert scan("code/train.py", b"import os\n").verdict == "rejected"
    assert scan("code/train.py", b"import os\n", allow_code=True).verdict != "rejected"

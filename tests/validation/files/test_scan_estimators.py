"""Honest models pass: each estimator of scikit-learn, the usual pipelines, XGBoost and LightGBM, fitted and saved as
MLflow does.

The models are made by the Python of .venv-mlflow; here they are only read.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from validation.scanning.folder import scan_folder
from validation.scanning.report import Budget

PYTHON = ROOT / ".venv-mlflow" / "bin" / "python"
QUICK = [
    *["KNeighborsClassifier", "RandomForestClassifier", "DecisionTreeRegressor", "Isomap", "FeatureAgglomeration"],
    *["BisectingKMeans", "TunedThresholdClassifierCV", "SplineTransformer", "IsotonicRegression", "Birch"],
    *[
        "grid_scoring",
        "grid_scorer",
        "random_search",
        "random_search_log",
        "columns",
        "histogram_categories",
        "logarithm",
    ],
    *["no_gaps", "process", "xgb_classifier", "xgb_pipeline", "lgbm_classifier", "lgbm_pipeline"],
]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not PYTHON.exists(), reason=".venv-mlflow is missing (script/test e2e makes it)"),
]


def make(folder: Path, *names: str) -> dict[str, list[str]]:
    done = subprocess.run(
        [str(PYTHON), str(Path(__file__).parents[1] / "fit_models.py"), str(folder), *names],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
        cwd=folder,
        env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return said


def refused(folder: Path) -> dict[str, list[str]]:
    """Return what speaks against each file of each saved model."""
    found = {}
    for saved in sorted(path for path in folder.glob("*/*") if path.is_dir()):
        files = {str(path.relative_to(saved)): path for path in sorted(saved.rglob("*")) if path.is_file()}
        for report in scan_folder(files, lambda name, files=files: files[name].open("rb"), Budget(), lambda _: None):  # type: ignore[misc]  # bound now
            if report.problems:
                found[f"{saved.relative_to(folder)}/{report.name}"] = report.problems
    return found


def test_models_that_were_once_refused_pass(tmp_path: Path) -> None:
    said = make(tmp_path, *QUICK)
    assert (sorted(said["made"]), said["failed"]) == (sorted(QUICK), [])
    assert refused(tmp_path) == {}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_estimator_passes(tmp_path: Path) -> None:
    said = make(tmp_path)
    assert len(said["made"]) > 250
    assert said["failed"] == []
    assert refused(tmp_path) == {}

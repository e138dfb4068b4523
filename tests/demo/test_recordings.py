"""The recordings are complete and have the figures of the walkthrough."""

from __future__ import annotations

import json
from typing import Any

from demo.model_cards import CARDS
from demo.replay import RECORDINGS
from registry.cards import HUMAN_KEYS

_BATCH = 1000


def _runs() -> list[tuple[str, dict[str, Any]]]:
    recordings = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDINGS.glob("*.json"))]
    return [(recording["experiment"], run) for recording in recordings for run in recording["runs"]]


def test_every_file_a_run_names_is_there() -> None:
    for experiment, run in _runs():
        folder = RECORDINGS / experiment / run["name"]
        assert all((folder / "artifacts" / name).is_file() for name in run["files"])
        for model in run["models"]:
            assert {"MLmodel", "model.pkl", "requirements.txt"} <= set(model["files"])
            assert all((folder / "models" / model["name"] / name).is_file() for name in model["files"])


def test_every_run_says_where_it_comes_from() -> None:
    for _, run in _runs():
        assert {"dataset_version", "git_commit", "triggered_by"} <= {key for key, value in run["tags"].items() if value}
        assert run["datasets"]


def test_equal_dataset_versions_have_equal_digests() -> None:
    digests: dict[str, set[str]] = {}
    for _, run in _runs():
        for dataset in run["datasets"]:
            digests.setdefault(dataset["name"], set()).add(dataset["digest"])
    assert all(len(found) == 1 for found in digests.values())


def test_the_walkthroughs_figures_were_reached_by_training() -> None:
    (run,) = [run for _, run in _runs() if run["name"] == "exp-47b"]
    assert run["metrics"]["val_accuracy"][-1] == [15, 0.87]
    assert run["metrics"]["val_auc"][-1] == [15, 0.93]
    assert run["params"]["learning_rate"] == "0.0003"
    assert run["params"]["dataset_version"] == "orders_v2.1+users_v3.0"


def test_a_model_file_names_no_id_of_the_recording() -> None:
    for path in RECORDINGS.rglob("MLmodel"):
        text = path.read_text(encoding="utf-8")
        assert "model_id: '@MODEL_ID@'" in text or "model_id: @MODEL_ID@" in text
        assert "mlruns" not in text
        assert "/tmp/" not in text  # noqa: S108 - looked for, not used


def test_the_cards_answer_every_human_field() -> None:
    assert all(set(card) == set(HUMAN_KEYS) for card in CARDS.values())

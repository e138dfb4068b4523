"""The scenario of the demonstration: registers, validates, reviews, promotes and deploys the recorded models.

Every step first checks whether it is done. A load that failed therefore continues where it stopped, and another one
changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.client import MLFLOW, REST, Client, Refused, Session
from demo.model_cards import CARDS
from demo.replay import LoggedRun, WriteLine, pairs, replay_all

_CHECKS_TIMEOUT_SECONDS = 120
_POLL_SECONDS = 0.5
_REVIEW_RULE = "reviewers"
_ALREADY_EXISTS = "RESOURCE_ALREADY_EXISTS"
# The last step sets this tag on this model.
DONE_MODEL, DONE_TAG = "tumour_classifier", "demonstration"


class ChecksUnfinished(Exception):
    """The checks of a request did not finish in time, probably because no worker runs."""


@dataclass(frozen=True)
class Version:
    """One version of the scenario: the run it comes from and the author who registers it."""

    model: str
    number: int
    author: str
    run: str
    description: str
    tags: Mapping[str, str] = field(default_factory=dict)


_ORDERS_1 = Version(
    "clf_orders", 1, "ada", "orders_classification/exp-46a", "First version in service.", {"label": "clf-v2.0"}
)
_ORDERS_2 = Version(
    "clf_orders",
    2,
    "ada",
    "orders_classification/exp-47b",
    "Trained on 1,200 more orders and at a higher learning rate.",
    {"label": "clf-v2.1"},
)
_FRAUD = Version(
    "fraud_detector",
    1,
    "ci-payments",
    "orders_fraud_detection/gbm_fraud_v47",
    "Boosted trees, trained by the nightly job.",
)
_TUMOURS_1 = Version("tumour_classifier", 1, "carl", "tumour_screening/gbm-shallow", "Boosted trees of depth 2.")
_TUMOURS_2 = Version(
    "tumour_classifier", 2, "carl", "tumour_screening/logit", "A logistic regression: simpler, and no worse."
)
_DIGITS = Version("digit_reader", 1, "carl", "digit_reading/mlp-32", "Postcodes on envelopes. Not yet put forward.")


class Scenario:
    """Loads the scenario. ``clients`` are those of the authors by name; ``reviewer`` is signed in."""

    def __init__(self, clients: Mapping[str, Client], reviewer: Session, *, write_line: WriteLine) -> None:
        self.clients = clients
        self.reviewer = reviewer
        self.write_line = write_line
        self.runs: Mapping[str, LoggedRun] = {}

    def load(self) -> None:
        """Perform all steps that are missing. Raises Refused, ConnectionError, ChecksUnfinished."""
        self.runs = replay_all(self.clients, write_line=self.write_line)
        self._promote_and_deploy(
            _ORDERS_1, endpoint="/predict", revision="v2.0", comment="Figures and card read; fine for a first version."
        )
        self._promote_and_deploy(
            _ORDERS_2,
            endpoint="/predict",
            revision="v2.1",
            comment="Better in both groups of accounts, same failure modes.",
        )
        self.register(_FRAUD)
        self.stage(_FRAUD, "Staging")
        self._promote_and_deploy(
            _TUMOURS_1, endpoint="/triage", revision="r1", comment="Agreed with the clinic: a second look only."
        )
        self.request_production(_TUMOURS_2)
        self.register(_DIGITS)
        body = {"name": DONE_MODEL, "key": DONE_TAG, "value": "complete"}
        self.clients["carl"].post(MLFLOW + "registered-models/set-tag", body)

    def _promote_and_deploy(self, version: Version, *, endpoint: str, revision: str, comment: str) -> None:
        self.request_production(version)
        if self.state_of(version) == "Staging":
            self.review(version, comment)
            self.stage(version, "Production")
        self.deploy(version, endpoint=endpoint, revision=revision)

    def request_production(self, version: Version) -> None:
        """Register a version, move it to Staging, fill in its card and request Production. As `load`."""
        self.register(version)
        if self.state_of(version) == "None":
            self.stage(version, "Staging")
        self.fill_card(version)
        if self.state_of(version) == "Staging":
            self.stage(version, "Production", until_reviewable=True)

    def register(self, version: Version) -> None:
        """Create the model and the version where they are missing, as `mlflow.register_model` does. Raises Refused."""
        client, run = self.clients[version.author], self.runs[version.run]
        try:
            client.post(MLFLOW + "registered-models/create", {"name": version.model})
        except Refused as error:
            if error.body.get("error_code") != _ALREADY_EXISTS:
                raise
        if self._find(version):
            return
        body = {
            "name": version.model,
            "source": run.source,
            "run_id": run.run_id,
            "model_id": run.model_id,
            "description": version.description,
            "tags": pairs(version.tags),
        }
        created = client.post(MLFLOW + "model-versions/create", body)["model_version"]
        self.write_line(f"{version.model} version {created['version']} registered by {version.author}")

    def _find(self, version: Version) -> dict[str, Any] | None:
        query = {"filter": f"name = '{version.model}'", "max_results": 100}
        versions = self.clients[version.author].get(MLFLOW + "model-versions/search", query).get("model_versions", [])
        return next((row for row in versions if row["version"] == str(version.number)), None)

    def state_of(self, version: Version) -> str:
        """Return the stage of a version, "" where it is not registered."""
        row = self._find(version)
        return str(row["current_stage"]) if row else ""

    def stage(self, version: Version, target: str, *, until_reviewable: bool = False) -> None:
        """Request a stage until the version is in it; with ``until_reviewable`` also until only a reviewer is
        missing.

        Raises ChecksUnfinished after two minutes. Raises Refused.
        """
        if self.state_of(version) in {target, "Archived"}:
            return
        body = {
            "name": version.model,
            "version": str(version.number),
            "stage": target,
            "archive_existing_versions": target == "Production",
        }
        deadline = time.monotonic() + _CHECKS_TIMEOUT_SECONDS
        while True:
            missing = self._request(version, body)
            if not missing:
                self.write_line(f"{version.model} version {version.number} is in {target}")
                return
            if until_reviewable and {line["rule"] for line in missing} == {_REVIEW_RULE}:
                self.write_line(f"{version.model} version {version.number} waits for a reviewer")
                return
            if time.monotonic() > deadline:
                why = "; ".join(f"{line['rule']}: {line['why']}" for line in missing)
                raise ChecksUnfinished(f"{version.model} version {version.number} does not reach {target}: {why}")
            time.sleep(_POLL_SECONDS)

    def _request(self, version: Version, body: Mapping[str, Any]) -> list[dict[str, str]]:
        """Request a stage as the author; return the rules that are not met, none where the version is in the stage."""
        try:
            self.clients[version.author].post(MLFLOW + "model-versions/transition-stage", body)
        except Refused as error:
            if not error.blocked_by:
                raise
            return error.blocked_by
        return []

    def fill_card(self, version: Version) -> None:
        """Fill in the human fields of the card that are empty, with the figures of the recorded run. Raises Refused."""
        client = self.clients[version.author]
        path = f"{REST}models/{version.model}/versions/{version.number}/card"
        card = client.get(path)
        run = client.get(MLFLOW + "runs/get", {"run_id": self.runs[version.run].run_id})["run"]["data"]
        figures = {item["key"]: item["value"] for item in [*run["tags"], *run["metrics"]]}
        fields = {key: text.format_map(figures) for key, text in CARDS[version.model].items()}
        empty = {key: text for key, text in fields.items() if not card["body"][key]["value"]}
        if empty:
            client.put(path, {"fields": empty, "expected_number": card["number"]})
            self.write_line(
                f"{version.model} version {version.number}: {len(empty)} card fields written by {version.author}"
            )

    def review(self, version: Version, comment: str) -> None:
        """Approve the open request of a version as the reviewer, who is signed in. Raises Refused."""
        answer = self.reviewer.get(REST + "transition-requests", {"model": version.model, "state": "open"})
        for request in answer["transition_requests"]:
            if (request["version"], request["target"]) != (version.number, "Production"):
                continue
            body = {"decision": "approve", "comment": comment, "seen_digest": request["subject_digest"]}
            self.reviewer.post(f"{REST}transition-requests/{request['id']}/reviews", body)
            self.write_line(f"{version.model} version {version.number} approved by {self.reviewer.name}")

    def deploy(self, version: Version, *, endpoint: str, revision: str) -> None:
        """Register the deployment of a version to an endpoint where it is missing. Raises Refused."""
        client = self.clients[version.author]
        rollouts = client.get(REST + "deployments", {"endpoint": endpoint, "limit": 500})["deployments"]
        if any(rollout["revision"] == revision for rollout in rollouts):
            return
        body = {"endpoint": endpoint, "model": version.model, "version": version.number, "revision": revision}
        client.post(REST + "deployments", {**body, "environment": "production"})
        self.write_line(f"{endpoint} serves {version.model} version {version.number} as {revision}")

"""Sessions of the clients 2.9, 2.22, 3.17 and 3.18, recorded against a real MLflow server, answered here as there.

tests/e2e/sessions has the session, how it was recorded, and the recordings. Each request is sent again with the ids
that were given here in place of those that were given there. Status and every field of the recorded answer must be the
same; ids, times and addresses are compared by kind, and words of the server are left out (tests/e2e/twins/twins.py).
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.e2e.sessions.record import readable
from tests.e2e.twins.twins import differences
from tests.mlflow_api.conftest import Send

_FOLDER = Path(__file__).parents[2] / "e2e" / "sessions"
_IDS = re.compile(r"^(run_id|run_uuid|model_id|source_run_id|trace_id|request_id|experiment_id|next_page_token)$")
_EXPERIMENT = re.compile(r"(artifacts/|mlflow-artifacts:/|path=)(\d+)(?=/|%2F)")
# What each server says in its own way, and what only MLflow has (docs/migrating.md): its gateway,
# uploads past the server, a mark that its store keeps for itself.
_OWN = (
    *("dataset_id", "next_page_token", "user_id"),
    "mlflow.trace.infoFinalized",
    *("gateway", "presigned_upload_run_id_supported", "presigned_upload_model_id_supported"),
)

pytestmark = pytest.mark.django_db


class Replay:
    """Sends recorded requests and learns, from the answers, which id of theirs is which of ours."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.ids: dict[str, str] = {}
        self.experiments: dict[str, str] = {}

    def ask(self, call: dict[str, Any]) -> tuple[int, Any]:
        path, _, query = self.filled(call["path"]).partition("?")
        body = call["body"]
        if isinstance(body, dict) and body.keys() == {"base64"}:
            data = base64.b64decode(body["base64"])
        else:
            data = b"" if body is None else orjson.dumps(self.placed(body))
        kind = call["headers"].get("Content-Type", "application/octet-stream")
        headers = {name: value for name, value in call["headers"].items() if name != "Content-Type"}
        if number := headers.get("X-MLflow-Experiment-Id"):
            headers["X-MLflow-Experiment-Id"] = self.experiment(number)
        answer = self.send(call["method"], path, data, content_type=kind, QUERY_STRING=query, headers=headers)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return answer.status_code, readable(content, answer.headers.get("Content-Type", ""))

    def filled(self, text: str) -> str:
        for theirs, ours in self.ids.items():
            text = text.replace(theirs, ours)
        text = re.sub(r"(experiment_ids?=)(\d+)", lambda found: found[1] + self.experiment(found[2]), text)
        return _EXPERIMENT.sub(lambda found: found[1] + self.experiment(found[2]), text)

    def experiment(self, number: str) -> str:
        return self.experiments.get(number, number)

    def placed(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self.placed(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.placed(inner, key) for inner in value]
        if isinstance(value, str):
            return self.experiment(value) if key.startswith("experiment_id") else self.filled(value)
        return value

    def learn(self, theirs: Any, ours: Any) -> None:
        """Pair the ids of two answers by where they stand."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs.keys() & ours.keys():
                one, other = theirs[key], ours[key]
                if isinstance(one, str) and isinstance(other, str) and _IDS.match(key) and one and one != other:
                    (self.experiments if key == "experiment_id" else self.ids).setdefault(one, other)
                else:
                    self.learn(one, other)
        elif isinstance(theirs, list) and isinstance(ours, list):
            for one, other in zip(theirs, ours, strict=False):
                self.learn(one, other)


@pytest.mark.parametrize("recording", sorted(path.name for path in _FOLDER.glob("*.json")))
def test_a_session_is_answered_as_it_was_there(recording: str, send: Send) -> None:
    replay, wrong = Replay(send), []
    calls = json.loads((_FOLDER / recording).read_text(encoding="utf-8"))
    assert len(calls) > 80
    for number, call in enumerate(calls):
        status, answer = replay.ask(call)
        replay.learn(call["answer"], answer)
        line = f"{number} {call['method']} {call['path'][:120]}"
        if status != call["status"]:
            wrong.append(f"{line}: {status} for {call['status']}: {str(answer)[:300]}")
            continue
        names = {given: f"<{place}>" for place, pair in enumerate(replay.ids.items()) for given in pair}
        wrong += [f"{line} {text}" for text in differences(call["answer"], answer, names, _OWN)]
    assert wrong == [], "\n" + "\n".join(wrong)

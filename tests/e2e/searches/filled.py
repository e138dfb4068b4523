"""The same experiments, runs, models, versions, logged models and traces on a server, and searches for them."""

from __future__ import annotations

from typing import Any

import requests

START = 1_700_000_000_000
TEXTS = ("red", "Red", "green", "50%", "a_b", "a'b", "ünï", "", "1", "10", "9")
NUMBERS = (-1.5, 0, 0.5, 1, 1e3, 2)
Json = dict[str, Any]
# Status, and the names in the order of the answer. A server that answers 500 refuses, too.
Answer = tuple[bool, list[str]]


def pairs(**values: str) -> list[Json]:
    """Return tags or params as the protocol has them; ``a_b`` is the key "a b"."""
    return [{"key": key.replace("_", " "), "value": value} for key, value in values.items()]


class Filled:
    """One server, filled with what the searches look for."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url, self.headers = url, headers
        self.experiment = self.post("experiments/create", name="searched")["experiment_id"]
        for number, text in enumerate(TEXTS[:6]):
            tags = pairs(t=text, n=str(number)) if number % 3 else []
            self.post("experiments/create", name=f"lane {number} {text}", tags=tags)
        runs = [self._run(number) for number in range(14)]
        for number in range(8):
            self._logged_model(number, runs[number])
        for number, name in enumerate(("red-model", "Red-model-2", "green_model", "a%b")):
            self.post(
                "registered-models/create", name=name, tags=pairs(colour=TEXTS[number], n=str(number))[: 2 - number % 2]
            )
            for version in range(3 - number % 2):
                self._version(name, runs[version], TEXTS[number + version])
        for number in range(10):
            self._trace(number)

    def post(self, path: str, **body: Any) -> Json:
        """Call a route of version 2.0, or any by its whole path; fail where it refuses."""
        where = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
        answer = requests.post(self.url + where, json=body, headers=self.headers, timeout=60)
        assert answer.ok, answer.text
        made: Json = answer.json()
        return made

    def _run(self, number: int) -> str:
        started = {"run_name": f"run-{number}", "start_time": START + number}
        run_id: str = self.post("runs/create", experiment_id=self.experiment, **started)["run"]["info"]["run_id"]
        text = TEXTS[number % len(TEXTS)]
        metrics = [{"key": "m", "value": NUMBERS[number % 6], "timestamp": 1, "step": 0}] if number % 4 else []
        metrics += [{"key": "a b", "value": number / 2, "timestamp": 1, "step": 0}]
        params = pairs(p=text) if number % 3 else []
        tags = [*pairs(t=text[::-1]), {"key": "a.b", "value": str(number % 2)}] if number % 5 else []
        self.post("runs/log-batch", run_id=run_id, metrics=metrics, params=params, tags=tags)
        if number % 2:
            dataset = {"name": f"orders{number % 3}", "digest": f"d{number}", "source_type": "local", "source": "{}"}
            context = [{"key": "mlflow.data.context", "value": ("train", "eval")[number % 3 % 2]}]
            self.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset, "tags": context}])
        status = ("FINISHED", "FAILED", "KILLED", "RUNNING")[number % 4]
        self.post("runs/update", run_id=run_id, status=status, end_time=START + 100 - number)
        return run_id

    def _logged_model(self, number: int, run_id: str) -> None:
        text = TEXTS[number]
        fields = {"name": f"tree-{number}", "model_type": text or "none", "source_run_id": run_id}
        params, tags = pairs(p=text) if number % 3 else [], pairs(t=text) if number % 2 else []
        made = self.post("logged-models", experiment_id=self.experiment, params=params, tags=tags, **fields)
        model_id = made["model"]["info"]["model_id"]
        metric = {"key": "m", "value": NUMBERS[number % 6], "timestamp": 1, "step": 0, "model_id": model_id}
        self.post("runs/log-metric", run_id=run_id, **metric)

    def _version(self, name: str, run_id: str, text: str) -> None:
        source = f"mlflow-artifacts:/{self.experiment}/{run_id}/artifacts/model"
        self.post("model-versions/create", name=name, source=source, run_id=run_id, tags=pairs(t=text))

    def _trace(self, number: int) -> None:
        text = TEXTS[number]
        info = {
            "trace_id": f"tr-{number:032x}",
            "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": self.experiment}},
            "request_time": f"2026-11-20T10:00:{number:02d}.000Z",
            "execution_duration": f"{number / 4}s",
            "state": ("OK", "ERROR")[number % 2],
            "tags": {"mlflow.traceName": f"ask-{number}", **({"t": text} if number % 3 else {})},
            "trace_metadata": {"m": text} if number % 2 else {},
        }
        self.post("/api/3.0/mlflow/traces", trace={"trace_info": info})

    def runs(self, **asked: Any) -> Answer:
        """Search runs."""
        return self._search("runs/search", "runs", experiment_ids=[self.experiment], max_results=100, **asked)

    def experiments(self, **asked: Any) -> Answer:
        """Search experiments."""
        return self._search("experiments/search", "experiments", max_results=100, **asked)

    def logged_models(self, filter: str, order_by: list[str]) -> Answer:  # noqa: A002 - the name in the protocol
        """Search logged models."""
        words = [text.rpartition(" ") for text in order_by]
        keys = [{"field_name": key, "ascending": word == "ASC"} for key, _, word in words]
        keys.append({"field_name": "name", "ascending": True})
        where = {"experiment_ids": [self.experiment], "filter": filter, "order_by": keys}
        return self._search("logged-models/search", "models", **where)

    def traces(self, **asked: Any) -> Answer:
        """Search traces."""
        where = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": self.experiment}}]
        return self._search("/api/3.0/mlflow/traces/search", "traces", locations=where, max_results=100, **asked)

    def models(self, **asked: Any) -> Answer:
        """Search registered models."""
        return self._get("registered-models/search", "registered_models", asked)

    def versions(self, **asked: Any) -> Answer:
        """Search versions."""
        return self._get("model-versions/search", "model_versions", asked)

    def _search(self, path: str, rows: str, **body: Any) -> Answer:
        where = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
        answer = requests.post(self.url + where, json=body, headers=self.headers, timeout=60)
        return answer.ok, [name_of(row) for row in answer.json().get(rows, [])]

    def _get(self, path: str, rows: str, asked: Json) -> Answer:
        where = f"{self.url}/api/2.0/mlflow/{path}"
        answer = requests.get(where, params={"max_results": 100, **asked}, headers=self.headers, timeout=60)
        return answer.ok, [name_of(row) for row in answer.json().get(rows, [])]


def name_of(row: Json) -> str:
    """Return what a row is called on both servers."""
    info = row.get("info", row)
    return str(info.get("run_name") or info.get("trace_id") or f"{info['name']} {info.get('version', '')}".strip())

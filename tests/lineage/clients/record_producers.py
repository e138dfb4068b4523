"""Records the OpenLineage events of real producers for the tests: `record_producers.py dbt|airflow FOLDER_OF_PRODUCER`.

The folder is a virtual environment with the packages of producers.txt. The producer runs a small project without any
network service and sends its events to a server in this process. They are written to
tests/lineage/openlineage/recorded, with other names for folders of this machine and with long texts cut. Run it by hand
when a producer has a new version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).resolve().parent.parent / "openlineage" / "recorded"
_LONGEST = 2000

DBT = {
    "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: shop\nmodel-paths: [models]\nseed-paths: [seeds]\n",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb, threads: 1}\n",
    "seeds/raw_orders.csv": "id,customer,price\n1,7,10\n2,8,20\n3,7,5\n",
    "models/orders.sql": "select id, customer, price from {{ ref('raw_orders') }} where price > 0\n",
    "models/revenue.sql": "select customer, sum(price) as total from {{ ref('orders') }} group by customer\n",
    "models/schema.yml": (
        "version: 2\nmodels:\n  - name: orders\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n"
    ),
}
AIRFLOW = {
    "train.py": """
from datetime import datetime

from airflow.providers.common.compat.lineage.entities import File
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

RAW, FEATURES, MODEL = (File(url=f"s3://lake/{name}") for name in ("raw.csv", "features.parquet", "model.bin"))


def prepare():
    return "ready"


def train():
    return "trained"


def publish():
    raise RuntimeError("the registry is closed")


with DAG("train_churn", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    first = PythonOperator(task_id="prepare", python_callable=prepare, inlets=[RAW], outlets=[FEATURES])
    second = PythonOperator(task_id="train", python_callable=train, inlets=[FEATURES], outlets=[MODEL])
    third = PythonOperator(task_id="publish", python_callable=publish, inlets=[MODEL])
    first >> second >> third

if __name__ == "__main__":
    dag.test()
""",
}


class Recorder(BaseHTTPRequestHandler):
    """Keeps the bodies of all requests."""

    events: list[Any] = []

    def do_POST(self) -> None:
        """Keep a body, and answer as a server of OpenLineage does."""
        self.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


def main(producer: str, environment: Path) -> None:
    """Run a producer and write its events."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for name, content in (DBT if producer == "dbt" else AIRFLOW).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        url = f"http://127.0.0.1:{server.server_port}"
        (run_dbt if producer == "dbt" else run_airflow)(environment / "bin", folder, url)
        events = [plain(event, {text: "/project", str(environment): "/producer"}) for event in Recorder.events]
    server.shutdown()
    RECORDED.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(event, sort_keys=True) for event in events)
    (RECORDED / f"{producer}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(events)} events of {producer}")  # noqa: T201 - a command says what it did


def run_dbt(programs: Path, folder: Path, url: str) -> None:
    """Build the project with dbt-ol."""
    more = {
        "OPENLINEAGE_URL": url,
        "OPENLINEAGE_NAMESPACE": "shop",
        "DO_NOT_TRACK": "1",
        "DBT_PROFILES_DIR": str(folder),
    }
    path = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder)}
    subprocess.run([programs / "dbt-ol", "build"], cwd=folder, check=True, env=more | path)


def run_airflow(programs: Path, folder: Path, url: str) -> None:
    """Run the DAG without a scheduler. Its last task fails, and so does the command."""
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(folder),
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "http", "url": url}),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "scheduler",
    }
    subprocess.run([programs / "airflow", "db", "migrate"], cwd=folder, check=True, env=environment)
    subprocess.run([programs / "python", "train.py"], cwd=folder, check=False, env=environment)


def plain(value: Any, folders: Mapping[str, str]) -> Any:
    """Return a value of an event with other names for the folders of this machine, and with long texts cut."""
    if isinstance(value, dict):
        return {key: plain(item, folders) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, folders) for item in value]
    if not isinstance(value, str):
        return value
    for folder, name in folders.items():
        value = value.replace(folder, name)
    return value[:_LONGEST]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

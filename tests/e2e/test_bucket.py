"""The real MLflow client and an installation that keeps its artifacts in a bucket: parts go past the server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.s3_server import S3Server

pytestmark = [pytest.mark.e2e, pytest.mark.s3]

SCRIPT = """
import hashlib, os, pathlib, random, sys, tempfile
import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

client = MlflowClient()
data = random.Random(3).randbytes(17 * 2**20 + 3)
here = pathlib.Path(tempfile.mkdtemp())
(here / "large.bin").write_bytes(data)
(here / "small.txt").write_text("hello")
run = client.create_run("0")
run_id = run.info.run_id
client.log_artifacts(run_id, str(here), "model")
assert [(f.path, f.file_size) for f in client.list_artifacts(run_id, "model")] == [
    ("model/large.bin", len(data)), ("model/small.txt", 5)]
got = pathlib.Path(client.download_artifacts(run_id, "model", tempfile.mkdtemp()))
assert hashlib.sha256((got / "large.bin").read_bytes()).digest() == hashlib.sha256(data).digest()
assert (got / "small.txt").read_text() == "hello"
client.create_registered_model(f"bucket-{run_id}")
client.create_model_version(f"bucket-{run_id}", f"runs:/{run_id}/model", run_id)
(here / "large.bin").write_bytes(b"x" + data)
try:
    client.log_artifact(run_id, str(here / "large.bin"), "model")
except Exception as error:
    assert "409" in str(error) or "sealed" in str(error), error
else:
    sys.exit("a sealed folder took parts")
print("done")
"""
ROWS = (
    "from tracking.models import Artifact, MultipartUpload as U; from tracking.artifacts import verify_folder; "
    "print(U.objects.exclude(sha256='').count(), U.objects.count(), Artifact.objects.count(), verify_folder(''))"
)


@pytest.fixture(scope="module")
def in_bucket(
    tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server, migrated: Path | None
) -> Iterator[Installation]:
    url = f"s3://{s3_server.new_bucket()}/artifacts"
    environment = {**s3_server.environment, "ARTIFACT_URL": url}
    with Installation(
        tmp_path_factory.mktemp("bucket") / "data", environment=environment, migrated=migrated
    ) as installation:
        yield installation


@pytest.mark.parametrize(
    ("forced", "completed"), [({}, 1), ({"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true"}, 1), ({"off": "1"}, 0)]
)
def test_the_client_sends_parts_by_itself(
    in_bucket: Installation, mlflow_python: Path, forced: dict[str, str], completed: int
) -> None:
    before = int(in_bucket.manage("shell", "-v", "0", "-c", ROWS).split()[0])
    limits = {"UPLOAD_MINIMUM_FILE_SIZE": 6 << 20, "UPLOAD_CHUNK_SIZE": 5 << 20, "DOWNLOAD_CHUNK_SIZE": 4 << 20}
    environment = {
        **{f"MLFLOW_MULTIPART_{name}": str(size) for name, size in limits.items()},
        **({"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false"} if "off" in forced else forced),
        "MLFLOW_TRACKING_URI": in_bucket.url,
        "MLFLOW_TRACKING_TOKEN": in_bucket.token("admin"),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [str(mlflow_python), "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.stdout.endswith("done\n"), done.stderr
    after, _, _, wrong = in_bucket.manage("shell", "-v", "0", "-c", ROWS).split()
    assert (int(after) - before, wrong) == (completed, "[]")

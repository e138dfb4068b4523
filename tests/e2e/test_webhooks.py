"""A whole installation: the real MLflow client makes webhooks,
and a receiver on this machine is told of what happens.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.webhooks.receiver import Hit, Receiver
from webhooks.signing import signature

SECRET = "sesame"
SCRIPT = """
import sys
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException
url, secret = sys.argv[1:]
client = MlflowClient()
made = client.create_webhook("ci", url, ["registered_model.created", "model_version_alias.created"],
                             description="CI", secret=secret)
assert made.secret is None and made.status == WebhookStatus.ACTIVE and made.description == "CI", made
assert [str(event) for event in made.events] == ["registered_model.created", "model_version_alias.created"]
assert client.get_webhook(made.webhook_id).name == "ci"
assert [hook.webhook_id for hook in client.list_webhooks()] == [made.webhook_id]
result = client.test_webhook(made.webhook_id)
assert result.success and result.response_status == 200 and result.response_body is None, result
client.create_registered_model("hooked", description="Told of")
changed = client.update_webhook(made.webhook_id, name="cd", events=[WebhookEvent.from_str("model_version.created")])
assert (changed.name, changed.status, [str(e) for e in changed.events]) == ("cd", "ACTIVE", ["model_version.created"])
for wrong in ("http://169.254.169.254/", "ftp://example.com/"):
    try:
        client.create_webhook("bad", wrong, ["registered_model.created"])
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error
    else:
        raise AssertionError(wrong)
gone = client.create_webhook("gone", url, ["prompt.created"])
assert client.update_webhook(gone.webhook_id, status=WebhookStatus.DISABLED).status == WebhookStatus.DISABLED
client.delete_webhook(gone.webhook_id)
assert len(client.list_webhooks()) == 1
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated: Path | None) -> Iterator[Installation]:
    """An installation that may reach receivers on the private network."""
    allowed = {"CUSTODY_WEBHOOK_ALLOW_HTTP": "on", "CUSTODY_WEBHOOK_ALLOW_PRIVATE": "on"}
    with Installation(
        tmp_path_factory.mktemp("hooked") / "data", environment=allowed, migrated=migrated
    ) as installation:
        yield installation


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver(answers=[200, 503, 200])
    yield server
    server.close()


def wait_for(receiver: Receiver, hits: int, seconds: float) -> list[Hit]:
    until = time.monotonic() + seconds
    while len(receiver.hits) < hits and time.monotonic() < until:
        time.sleep(0.2)
    return receiver.hits


@pytest.mark.e2e
def test_the_real_client_makes_tests_and_ends_webhooks(
    house: Installation, mlflow_python: Path, receiver: Receiver
) -> None:
    olga = house.person("olga", groups=("operators",))
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": house.url,
        "MLFLOW_TRACKING_TOKEN": house.token(olga),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = [str(mlflow_python), "-c", SCRIPT, receiver.url(), SECRET]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    test, first, again = wait_for(receiver, 3, 240)  # the first is answered 503, and comes again within a minute
    assert (again.headers["x-mlflow-delivery-id"], again.body) == (first.headers["x-mlflow-delivery-id"], first.body)
    assert test.json["data"]["name"] == "example_model"
    assert first.json["data"] == {"name": "hooked", "tags": {}, "description": "Told of"}
    for hit in (test, first, again):
        sent = hit.headers["x-mlflow-delivery-id"], hit.headers["x-mlflow-timestamp"]
        assert hit.headers["x-mlflow-signature"] == signature(SECRET, *sent, hit.body)

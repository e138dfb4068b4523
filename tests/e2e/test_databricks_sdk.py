"""The official databricks-sdk drives requests, a whole approval, comments and permissions against a running
installation.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from demo.client import MLFLOW, Client, Session
from tests.e2e.governed_model import train_and_register
from tests.e2e.installation import PASSWORD, Installation

pytestmark = pytest.mark.e2e

# Run with the SDK's own Python: prints what it saw as JSON. Nothing in it knows Custody.
SCRIPT = """
import json, sys, time
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.ml import ActivityType, RegisteredModelPermissionLevel
from databricks.sdk.service.ml import RegisteredModelAccessControlRequest as Grant

host, model, token, approval = sys.argv[1:]
author = WorkspaceClient(host=host, token=token).model_registry
person = WorkspaceClient(host=host, token=approval).model_registry
one = {"name": model, "version": "1"}
seen = {}

def refused(call, **fields):
    try:
        call(**fields)
    except DatabricksError as error:
        return type(error).__name__, str(error)
    raise AssertionError(f"{call} was not refused")

asked = author.create_transition_request(**one, stage="Production", comment="Better on March.").request
seen["asked"] = [asked.to_stage, asked.user_id, asked.comment, [action.value for action in asked.available_actions]]
end = time.monotonic() + 240
while True:  # until the checks have run
    listed = list(person.list_transition_requests(**one))
    shown = person._api.do("GET", "/api/2.0/mlflow/transition-requests/list", query=one)["requests"]
    if "APPROVE_TRANSITION_REQUEST" in shown[0]["available_actions"]:
        break
    assert time.monotonic() < end, shown
    time.sleep(0.3)
assert [row.activity_type for row in listed] == [ActivityType.REQUESTED_TRANSITION], listed
move = {**one, "stage": "Production", "archive_existing_versions": True}
seen["by token"] = refused(author.approve_transition_request, **move, comment="Mine.")
seen["without words"] = refused(person.approve_transition_request, **move)
seen["not yet"] = refused(author.transition_stage, **move)  # and says what was left open: archive the one before
seen["changed"] = refused(person.approve_transition_request, **move, comment="Seen before that.")

said = author.create_comment(**one, comment="See the curve.").comment
edited = author.update_comment(id=said.id, comment="See the second curve.").comment
assert (edited.id, edited.comment, edited.user_id) == (said.id, "See the second curve.", asked.user_id)
second = person.create_comment(**one, comment="Looks fine.").comment
person.delete_comment(id=second.id)

assert len(list(person.list_transition_requests(**one))) == 1
approved = person.approve_transition_request(**move, comment="Compared on the holdout.").activity
seen["approved"] = [approved.activity_type.value, approved.user_id, approved.to_stage, approved.comment]
assert list(person.list_transition_requests(**one)) == []
version = author.get_model_version(**one).model_version
seen["version"] = [version.current_stage, version.version]
history = person._api.do("GET", "/api/2.0/mlflow/activities/list", query=one)["activities"]
seen["history"] = [row["activity_type"] for row in history]

moved = author.transition_stage(**one, stage="Archived", archive_existing_versions=False, comment="Done.")
seen["archived"] = [moved.model_version_databricks.current_stage, moved.model_version_databricks.version]
author.create_transition_request(**one, stage="Production")
gone = author.delete_transition_request(**one, stage="Production", creator=asked.user_id).activity
seen["cancelled"] = gone.activity_type.value
author.create_transition_request(**one, stage="Production")
rejected = person.reject_transition_request(**one, stage="Production", comment="Not again.").activity
seen["rejected"] = rejected.activity_type.value

found = author.get_model(name=model).registered_model_databricks
assert model in [row.name for row in author.list_models(max_results=1)]
who = Grant(group_name="reviewers", permission_level=RegisteredModelPermissionLevel.CAN_READ)
changed = author.update_permissions(found.id, access_control_list=[who])
levels = {row.group_name or row.user_name: row.all_permissions[0].permission_level.value for row in changed.access_control_list}
seen["permissions"] = [found.permission_level.value, changed.object_id == f"/registered-models/{found.id}", levels.get("reviewers")]
assert author.get_permissions(found.id).access_control_list
assert len(author.get_permission_levels(found.id).permission_levels) == 5
seen["not theirs"] = refused(person.set_permissions, registered_model_id=found.id, access_control_list=[who])
seen["nothing there"] = refused(author.get_model, name="never-was")
print(json.dumps(seen))
"""


def approval_secret(server: Installation, person: str) -> str:
    """Return the secret of an approval session, taken from the page as a person does."""
    session = Session(server.url, username=person, password=PASSWORD)
    form = urllib.parse.urlencode({"password": PASSWORD}).encode()
    page = session.send("POST", "/account/approval-session/", form, content_type="application/x-www-form-urlencoded")
    found = re.search(r'id="secret">(csa_[^<]+)<', page.decode())
    assert found is not None
    return found[1]


def run_sdk(python: Path, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the script with the SDK, away from any configuration of whoever runs the tests."""
    known = subprocess.run([str(python), "-c", "import databricks.sdk"], capture_output=True, check=False)
    if known.returncode:
        pytest.skip("no databricks-sdk beside the MLflow client: script/test installs it")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DATABRICKS_", "ARM_", "MLFLOW_"))}
    done = subprocess.run(
        [str(python), "-c", SCRIPT, *arguments],
        env=kept | {"HOME": str(folder)}, cwd=folder, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_sdk_drives_a_whole_approval(server: Installation, mlflow_python: Path, tmp_path: Path) -> None:
    author, reviewer = server.person("sdk-author"), server.person("sdk-reviewer", groups=("reviewers",))
    token = server.token(author)
    client = Client(server.url, token=token)
    train_and_register(client, "sdk-model", auc=0.93)
    seen = run_sdk(mlflow_python, tmp_path, server.url, "sdk-model", token, approval_secret(server, reviewer))
    assert seen["asked"] == ["Production", author, "Better on March.", ["CANCEL_TRANSITION_REQUEST"]]
    assert seen["by token"][0] == seen["not yet"][0] == seen["not theirs"][0] == "PermissionDenied"
    assert "tokens and service accounts never do" in seen["by token"][1]
    assert seen["without words"][0] == "InvalidParameterValue"
    assert "reviewers" in seen["not yet"][1]
    assert seen["changed"][0] == "ResourceConflict"
    assert seen["approved"] == ["APPROVED_REQUEST", reviewer, "Production", "Compared on the holdout."]
    assert seen["version"] == ["Production", "1"]
    kinds = ["APPLIED_TRANSITION", "APPROVED_REQUEST", "NEW_COMMENT", "REQUESTED_TRANSITION"]
    assert seen["history"] == kinds
    assert seen["archived"] == ["Archived", "1"]
    assert (seen["cancelled"], seen["rejected"]) == ("CANCELLED_REQUEST", "REJECTED_REQUEST")
    assert seen["permissions"] == ["CAN_MANAGE", True, "CAN_READ"]
    assert seen["nothing there"][0] == "ResourceDoesNotExist"
    kept = client.get(MLFLOW + "comments/list", {"name": "sdk-model", "version": "1"})["comments"]
    assert [row["comment"] for row in kept] == ["See the second curve."]

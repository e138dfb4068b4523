"""The Databricks wire as its client speaks it, over a governed registry. Import the fixtures you need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from accounts.approval_sessions import start_approval_session
from accounts.models import User
from approvals.models import TransitionRequest
from tests.approvals.conftest import NewVersion, RunChecks
from tests.conftest import Acting
from tests.mlflow_api.registry_fixtures import Api, Json

ONE: Json = {"name": "fraud", "version": "1"}
MOVE: Json = {**ONE, "stage": "Production"}
APPROVE: Json = {**MOVE, "archive_existing_versions": True, "comment": "Compared on the holdout."}


class Workspace(Api):
    """A client that sends what DELETE takes in the query, as the SDK does."""

    def __call__(self, method: str, path: str, /, prefix: str = "/api/2.0/mlflow/", **fields: Any) -> tuple[int, Json]:
        if method != "DELETE":
            return super().__call__(method, path, prefix, **fields)
        answer = self.client.delete(f"{prefix}{path}?{urlencode(fields)}")
        return answer.status_code, answer.json()


WorkspaceOf = Callable[[User], Workspace]
Asked = Callable[..., TransitionRequest]


@pytest.fixture
def in_person(acting: Acting) -> WorkspaceOf:
    """Return a function that opens the wire as a person with an approval session; passwords are those of the cast."""

    def opened(user: User) -> Workspace:
        password = {"cy": "cy-password-12"}.get(user.username, f"{user.username}-password-1")
        return Workspace(start_approval_session(actor=acting(user), password=password, session_key="browser")[1])

    return opened


@pytest.fixture
def asked(policies: object, new_version: NewVersion, run_checks: RunChecks, api: Api) -> Asked:
    """Return a function by which ada asks over the wire that version 1 go to Production; its checks have run."""

    def ask(**more: object) -> TransitionRequest:
        new_version()
        made = api.ok("POST", "transition-requests/create", **MOVE, **more)
        request = TransitionRequest.objects.get(pk=made["request"]["request_id"])
        run_checks(request)
        return request

    return ask

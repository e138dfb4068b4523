"""The governed registry of the approvals tests, and browsers that are signed in to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from django.test import Client

from accounts.models import User
from approvals.models import TransitionRequest
from approvals.requests.open import open_request
from core.actors import Actor
from policies.models import PolicyRevision
from registry.models import ModelVersion
from registry.stages import Stage
from tests.approvals.conftest import (
    NewVersion,
    RunChecks,
    _own_store,
    by_ada,
    by_bea,
    new_version,
    policies,
    run_checks,
)

__all__ = ["_own_store", "by_ada", "by_bea", "new_version", "policies", "run_checks"]

SignedIn = Callable[[User], Client]
Asked = Callable[..., TransitionRequest]


@pytest.fixture
def signed_in() -> SignedIn:
    """Return a function from a person to a client that is signed in as them."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def asked(policies: list[PolicyRevision], by_ada: Actor, new_version: NewVersion, run_checks: RunChecks) -> Asked:
    """Return a function by which ada asks for Production; its checks have run unless `checked` is False."""

    def ask(version: ModelVersion | None = None, *, checked: bool = True, comment: str = "") -> TransitionRequest:
        row = version or new_version()
        request = open_request(
            actor=by_ada,
            name=row.model.name,
            version=row.version,
            target=Stage.PRODUCTION,
            archive_existing=True,
            comment=comment,
        )
        return run_checks(request).request if checked else request

    return ask


class Answer(Protocol):
    """What the test client gives back."""

    headers: Any
    status_code: int

    @property
    def content(self) -> bytes: ...


def text_of(response: Answer) -> str:
    """Return the page as text, each run of white space as one space: it is laid out by the template's lines alone."""
    return re.sub(r"\s+", " ", response.content.decode())

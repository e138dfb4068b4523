"""The published files of the log: who may fetch them, and that they are what was signed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from audit.transparency.keys import log_signers
from audit.verifier.audit_verify import Key, open_checkpoint, parse_vkey, root_of
from core.actors import Scope, system_actor

CHECKPOINT, VKEY, TILE, BUNDLE = (
    "/audit/log/checkpoint", "/audit/vkey", "/audit/log/tile/0/000.p/5", "/audit/log/tile/entries/000.p/5",
)  # fmt: skip


def with_token(user: User, scope: Scope = Scope.AUDIT_EXPORT) -> Client:
    _, secret = issue_token(actor=system_actor("test"), user=user, scopes=[scope], expires_in=timedelta(hours=1))
    return Client(headers={"authorization": f"Bearer {secret}"})


def test_the_files_are_what_was_signed(kept: bytes, ada: User, keys: list[Key]) -> None:
    client = with_token(ada)
    checkpoint = open_checkpoint(client.get(CHECKPOINT).content, keys)
    assert parse_vkey(client.get(VKEY).content.decode()) == log_signers()[0].key
    tile = client.get(TILE).content
    assert checkpoint.root == root_of([tile[at : at + 32] for at in range(0, len(tile), 32)])


@pytest.mark.parametrize("path", [CHECKPOINT, VKEY, TILE, BUNDLE])
def test_strangers_and_other_tokens_get_nothing(kept: bytes, ada: User, path: str) -> None:
    assert Client().get(path).status_code == 401
    assert with_token(ada, Scope.REGISTRY_READ).get(path).status_code == 403


@pytest.mark.parametrize(("path", "status"), [(CHECKPOINT, 200), (VKEY, 200), (TILE, 200), (BUNDLE, 401)])
def test_a_public_log_shows_all_but_entries(kept: bytes, settings: Settings, path: str, status: int) -> None:
    settings.PUBLIC_LOG = True
    assert Client().get(path).status_code == status


def test_entries_are_for_auditors(kept: bytes, ada: User, cy: User) -> None:
    cy.groups.add(Group.objects.get_or_create(name="auditors")[0])
    assert with_token(ada).get(BUNDLE).status_code == 403
    assert b"REGISTRY" not in with_token(cy).get(BUNDLE).content
    assert with_token(cy).get(BUNDLE).status_code == 200


@pytest.mark.parametrize(
    "path", ["0/000.p/9", "0/..", "../../state.json", "0/001", "99/000", "entries/../../x", "0/000.p/5/x"]
)
def test_no_other_file_is_served(kept: bytes, ops: User, path: str) -> None:
    assert with_token(ops).get(f"/audit/log/tile/{path}").status_code == 404

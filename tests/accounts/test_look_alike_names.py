"""Names that look like those of other accounts or groups are refused at every door that makes one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from audit.models import Event
from tests.signed_in import actor_of

PASSWORD = "a-long-enough-one-7"
TWINS = {
    "Cyrillic": "\u0430da",
    "Greek and Cyrillic in a word of Latin": "\u03b1d\u0430",
    "full width": "\uff41\uff44\uff41",
    "upper case": "ADA",
    "a capital of Cyrillic": "\u0410da",
    "zero width": "a\u200bda",
    "a zero-width joiner": "ada\u200d",
    "a filler of Hangul": "ada\u3164",
    "a half-width filler": "ada\uffa0",
    "a selector of variants": "ada\ufe0f",
    "a soft hyphen": "a\u00adda",
    "bold letters of mathematics": "\U0001d41ada",
}
Door = Callable[[User, str], object]


def admin_page(ops: User, name: str) -> None:
    client = Client()
    client.force_login(ops)
    fields = {"username": name, "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert client.post("/admin/accounts/user/add/", fields).status_code == 200  # the form again, with its error


def mlflow(ops: User, name: str) -> None:
    secret = issue_token(actor=actor_of(ops), user=ops, expires_in=timedelta(hours=1))[1]
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    body = json.dumps({"username": name, "password": PASSWORD})
    answer = client.post("/api/2.0/mlflow/users/create", body, content_type="application/json")
    assert answer.status_code in (400, 409)


def command(ops: User, name: str) -> None:
    with pytest.raises(CommandError):
        call_command("create_user", name)


def service(ops: User, name: str) -> None:
    with pytest.raises(CommandError):
        call_command("create_user", name, "--service", "--owner", "ops")


def django_command(ops: User, name: str) -> None:
    with pytest.raises((CommandError, IntegrityError)), transaction.atomic():
        call_command("createsuperuser", "--noinput", "--username", name, "--email", "x@example.com")


def row(ops: User, name: str) -> None:
    with pytest.raises((ValidationError, IntegrityError)), transaction.atomic():
        User.objects.create(username=name)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("door", [admin_page, mlflow, command, service, django_command, row])
def test_no_door_makes_an_account_that_looks_like_another(ada: User, ops: User, door: Door, twin: str) -> None:
    door(ops, TWINS[twin])
    assert set(User.objects.values_list("username", flat=True)) == {"ada", "ops"}
    assert not Event.objects.filter(action="account.user.created").exists()


@pytest.mark.parametrize("name", ["r\u0435viewers", "Reviewers", "reviewers\u200b", "\uff52eviewers", "\u3164"])
def test_no_group_looks_like_another(ops: User, name: str) -> None:
    before = set(Group.objects.values_list("name", flat=True))
    client = Client()
    client.force_login(ops)
    assert client.post("/admin/auth/group/add/", {"name": name}).status_code == 200
    auditors = Group.objects.get(name="auditors")
    assert client.post(f"/admin/auth/group/{auditors.pk}/change/", {"name": name}).status_code == 200
    assert set(Group.objects.values_list("name", flat=True)) == before
    assert client.post(f"/admin/auth/group/{auditors.pk}/change/", {"name": "auditors"}).status_code == 302


def test_an_account_is_not_renamed_to_look_like_another(ada: User, ops: User) -> None:
    client = Client()
    client.force_login(ops)
    client.post(f"/admin/accounts/user/{ops.pk}/change/", {"username": TWINS["Cyrillic"], "is_active": "on"})
    assert set(User.objects.values_list("username", flat=True)) == {"ada", "ops"}

from django.contrib.auth.models import Group

from accounts.models import User
from audit.models import Event
from audit.queries import actor_name, facts
from tests.console.conftest import SignedIn


def test_a_new_person_is_recorded(ops: User, signed_in: SignedIn) -> None:
    form = {
        "username": "dora",
        "password1": "a-long-password-9",
        "password2": "a-long-password-9",
        "usable_password": "true",
    }
    assert signed_in(ops).post("/admin/accounts/user/add/", form).status_code == 302
    event = Event.objects.latest("id")
    assert (event.action, facts(event)["object"], actor_name(event)) == ("account.user.created", "user:dora", "ops")


def test_a_changed_group_is_recorded_before_and_after(bea: User, ops: User, signed_in: SignedIn) -> None:
    form = {"username": "bea", "is_active": "on", "groups": []}
    assert signed_in(ops).post(f"/admin/accounts/user/{bea.pk}/change/", form).status_code == 302
    known = facts(Event.objects.latest("id"))
    assert known["before"]["groups"] == ["reviewers"]
    assert known["after"]["groups"] == []


def test_a_new_password_is_recorded_without_the_password(bea: User, ops: User, signed_in: SignedIn) -> None:
    form = {"password1": "another-long-one-9", "password2": "another-long-one-9", "usable_password": "true"}
    assert signed_in(ops).post(f"/admin/accounts/user/{bea.pk}/password/", form).status_code == 302
    event = Event.objects.latest("id")
    assert event.action == "account.user.changed"
    assert b"another-long" not in bytes(event.body)


def test_no_account_can_be_deleted(bea: User, ops: User, signed_in: SignedIn) -> None:
    assert signed_in(ops).post(f"/admin/accounts/user/{bea.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(username="bea").exists()


def test_a_change_of_a_group_is_recorded(ops: User, signed_in: SignedIn) -> None:
    group, _ = Group.objects.get_or_create(name="reviewers")
    signed_in(ops).post(f"/admin/auth/group/{group.pk}/change/", {"name": "reviewers", "permissions": []})
    event = Event.objects.latest("id")
    assert (event.action, event.object_ref) == ("account.group.changed", "group:reviewers")


def test_a_username_cannot_be_changed(ada: User, ops: User, signed_in: SignedIn) -> None:
    form = {"username": "somebody-else", "is_active": "on"}
    assert signed_in(ops).post(f"/admin/accounts/user/{ada.pk}/change/", form).status_code == 302
    assert User.objects.get(pk=ada.pk).username == "ada"


def test_a_service_account_always_has_an_owner(ada: User, bot: User, ops: User, signed_in: SignedIn) -> None:
    page = signed_in(ops).post(f"/admin/accounts/user/{bot.pk}/change/", {"is_active": "on", "is_service": "on"})
    assert "A service account needs a person as its owner." in page.content.decode()
    assert User.objects.get(pk=bot.pk).owner == ada


def test_a_new_group_is_recorded_and_nobody_deletes_it(ops: User, signed_in: SignedIn) -> None:
    client = signed_in(ops)
    assert client.post("/admin/auth/group/add/", {"name": "night-shift", "permissions": []}).status_code == 302
    recorded = Event.objects.filter(action="account.group.changed", object_ref="group:night-shift")
    assert recorded.count() == 1
    group = Group.objects.get(name="night-shift")
    assert client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Group.objects.filter(name="night-shift").exists()
    assert recorded.count() == 1

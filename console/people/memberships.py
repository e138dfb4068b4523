"""Dialogs of a group: add a member, set when a membership ends, remove a member; and its owners, for superusers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts.groups.members import add_member, remove_member, set_expiry
from accounts.groups.owners import add_owner, remove_owner
from accounts.groups.permissions import find_group
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.forms import ConsoleForm, missing_as_form_error
from console.shell.pages import Crumb, page
from core.actors import Actor

_RENEWED_DAYS = 180


class ExpiryForm(ConsoleForm):
    """Set when a membership ends."""

    expires_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The membership ends at the end of this day, in UTC. Leave empty for a membership without an end.",
    )

    def expires_at(self) -> datetime | None:
        """Return the moment at which the membership ends, None for never."""
        day = self.cleaned_data["expires_on"]
        return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC) if day else None


class MemberForm(ExpiryForm):
    """Add a member."""

    username = forms.CharField(label="Username", max_length=150)
    field_order = ("username", "expires_on")


class OwnerForm(ConsoleForm):
    """Make a person an owner."""

    username = forms.CharField(label="Username", max_length=150)


class NamedForm(ConsoleForm):
    """Confirm a change of the account that the dialog names."""

    username = forms.CharField(max_length=150, widget=forms.HiddenInput)


@page
def add(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Add a member to a group in a dialog."""
    form = MemberForm(submitted(request), initial={"expires_on": _later()})

    def act() -> None:
        add_member(actor=actor, group=name, username=form.cleaned_data["username"], expires_at=form.expires_at())
        messages.success(request, f"{form.cleaned_data['username']} is a member of {name}.")

    dialog = Dialog(
        title=f"Add a member to {name}",
        description="Whoever takes part in a request and adds a reviewer shortly before voids that reviewer's approval.",
        submit="Add member",
    )
    return _run(request, actor, name, dialog, form, act)


@page
def expiry(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Set when a membership ends in a dialog."""
    username = _username(request)
    form = ExpiryForm(submitted(request), initial={"expires_on": _later()})

    def act() -> None:
        set_expiry(actor=actor, group=name, username=username, expires_at=form.expires_at())
        messages.success(request, f"The membership of {username} is changed.")

    dialog = Dialog(title=f"Membership of {username} in {name}", submit="Set last day")
    return _run(request, actor, name, dialog, form, act)


@page
def remove(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Remove a member from a group in a dialog."""
    username, form = _username(request), NamedForm(request.POST or request.GET)

    def act() -> None:
        remove_member(actor=actor, group=name, username=form.cleaned_data["username"])
        messages.success(request, f"{username} is no longer a member of {name}.")

    dialog = Dialog(
        title=f"Remove {username} from {name}",
        description=f"{username} loses the rights of the group at once. Their approvals on open requests stop counting.",
        submit="Remove member",
        tone="is-bad",
    )
    return _run(request, actor, name, dialog, form, act)


@page
def owner_add(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Make a person an owner of a group in a dialog."""
    form = OwnerForm(submitted(request))

    def act() -> None:
        add_owner(actor=actor, group=name, username=form.cleaned_data["username"])
        messages.success(request, f"{form.cleaned_data['username']} owns {name}.")

    dialog = Dialog(
        title=f"Add an owner of {name}",
        description="An owner adds and removes members and sets when memberships end, but never their own.",
        submit="Add owner",
    )
    return _run(request, actor, name, dialog, form, act)


@page
def owner_remove(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Remove an owner of a group in a dialog."""
    username, form = _username(request), NamedForm(request.POST or request.GET)

    def act() -> None:
        remove_owner(actor=actor, group=name, username=form.cleaned_data["username"])
        messages.success(request, f"{username} no longer owns {name}.")

    dialog = Dialog(
        title=f"Remove {username} as an owner of {name}",
        description=f"{username} can no longer change the members of {name}.",
        submit="Remove owner",
        tone="is-bad",
    )
    return _run(request, actor, name, dialog, form, act)


def _run(
    request: HttpRequest, actor: Actor, name: str, dialog: Dialog, form: forms.Form, act: Callable[[], None]
) -> HttpResponse:
    """Run a dialog of a group, and go to the page of the group. Raises NotFound (the group)."""
    find_group(name)

    def act_and_return() -> str:
        with missing_as_form_error():
            act()
        return reverse("console:group", args=[name])

    crumbs = [Crumb("Groups", reverse("console:groups")), Crumb(name, reverse("console:group", args=[name]))]
    return run_dialog(request, actor, dialog, form, act_and_return, crumbs=crumbs)


def _username(request: HttpRequest) -> str:
    """Return the account that the address or the form names."""
    return request.GET.get("username") or request.POST.get("username", "")


def _later() -> str:
    return (timezone.now() + timedelta(days=_RENEWED_DAYS)).strftime("%Y-%m-%d")

"""Admin pages of people, service accounts and groups, for superusers.

No other admin page writes. Every change is recorded as an event. Accounts are deactivated and never deleted, because
reviews and events name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.authentication import actor_from_request
from accounts.browser_sessions import DEACTIVATED, end_sessions
from accounts.changes import Change, note_change, note_differences
from accounts.models import ApiToken, User
from audit.actions import Action
from audit.admin import ReadOnlyAdmin
from audit.services import record
from audit.texts.owners import TextOf
from core.look_alikes import is_unseen, look_alike_key
from core.refs import group_ref, user_ref

admin.site.unregister(Group)
# Identities are linked at a sign-in, and providers are configured by the environment.
for unused in (EmailAddress, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(unused)


class SuperuserAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Admin pages that only superusers may open. They add and change rows, and delete none."""

    actions = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the person is a superuser."""
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the person is a superuser."""
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the person is a superuser."""
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the person is a superuser."""
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False: these rows are never deleted."""
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin, SuperuserAdmin):  # type: ignore[misc,type-arg]  # unfold has no types
    """Accounts. Their groups give the rights to review and to audit."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "email", "is_active", "is_service", "owner", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_service", "is_superuser", "groups"]
    list_select_related = ["owner"]
    autocomplete_fields = ["owner"]
    readonly_fields = ["last_login", "date_joined"]
    # Cannot be changed once the account exists: authors, runs and events name people by it.
    _unchangeable = ("username",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Service account", {"fields": ("is_service", "owner")}),
        ("Permissions", {"fields": ("is_active", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Return the fields that cannot be edited; more of them once the account exists."""
        return (*super().get_readonly_fields(request, obj), *(self._unchangeable if obj is not None else ()))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save the account; only superusers may enter the admin. `save_related` compares it with ``form.before``."""
        obj.is_staff = obj.is_superuser
        form.before = _facts_of(User.objects.get(pk=obj.pk)) if change else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the groups and permissions of the account, and record the change in the audit log.

        Raises NotAuthenticated.
        """
        super().save_related(request, form, formsets, change)
        action = Action.ACCOUNT_USER_CHANGED if change else Action.ACCOUNT_USER_CREATED
        after = _facts_of(form.instance)
        actor = actor_from_request(request)
        if not change:
            note_change(actor=actor, account=form.instance, kind=Change.CREATED)
        note_differences(actor=actor, account=form.instance, before=form.before, groups=_groups_of(form.instance))
        if form.before.get("active") and not form.instance.is_active:
            end_sessions(actor=actor, user=form.instance, reason=DEACTIVATED)
        _record(request, action, user_ref(form.instance.username), form.before, after)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002 - Django's signature
        """Set the password of an account, and record that it was set. Raises NotAuthenticated."""
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if request.method == "POST" and isinstance(response, HttpResponseRedirect):
                account = User.objects.get(pk=id)
                name = account.username
                actor, own_key = actor_from_request(request), request.session.session_key or ""
                note_change(actor=actor, account=account, kind=Change.PASSWORD_SET)
                end_sessions(actor=actor, user=account, reason="the password was set", except_key=own_key)
                _record(
                    request, Action.ACCOUNT_USER_CHANGED, user_ref(name), {}, {"password": "set by an administrator"}
                )
        return response


class GroupForm(ModelForm):  # type: ignore[type-arg]  # a form of Django's model
    """The form of a group: policies and permissions name groups, so no two of them may look the same."""

    def clean_name(self) -> str:
        """Return the name. Raises ValidationError for one that a reader would take for another group's."""
        name = str(self.cleaned_data["name"])
        others = Group.objects.exclude(pk=self.instance.pk).values_list("name", flat=True)
        key = look_alike_key(name)
        if any(is_unseen(letter) for letter in name) or not key:
            raise ValidationError("This name contains characters that cannot be seen.")
        if other := next((other for other in others if look_alike_key(other) == key), None):
            raise ValidationError(f"This name looks like that of another group: {other}.")
        return name


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, SuperuserAdmin):  # type: ignore[misc]  # unfold has no types
    """Groups: `reviewers` decide on requests, `auditors` read the whole log."""

    form = GroupForm
    list_display = ["name"]

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        """Save the group. `save_related` compares its permissions with ``form.before``."""
        form.before = _permissions_of(Group.objects.get(pk=obj.pk)) if change else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the permissions of the group, and record the change in the audit log. Raises NotAuthenticated."""
        super().save_related(request, form, formsets, change)
        group = form.instance
        _record(request, Action.ACCOUNT_GROUP_CHANGED, group_ref(group.name), form.before, _permissions_of(group))


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """API tokens, read-only. Only their owners issue and revoke them."""

    list_display = ["hint", "user", "label", "scopes", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "label", "hint"]
    exclude = ["digest"]
    ordering = ["-id"]


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


def _groups_of(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


def _facts_of(user: User) -> dict[str, object]:
    return {
        "username": user.username,
        "groups": _groups_of(user),
        "active": user.is_active,
        "superuser": user.is_superuser,
        "service": user.is_service,
        "owner": user.owner.username if user.owner else "",
        "email": TextOf(user.username, user.email),
    }


def _permissions_of(group: Group) -> dict[str, object]:
    return {"name": group.name, "permissions": sorted(group.permissions.values_list("codename", flat=True))}


def _record(
    request: HttpRequest, action: Action, obj: str, before: Mapping[str, object], after: Mapping[str, object]
) -> None:
    """Record a change in the transaction that the admin's change form runs in."""
    record(actor=actor_from_request(request), action=action, obj=obj, before=before, after=after)

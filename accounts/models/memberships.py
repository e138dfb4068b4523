"""Memberships in groups, some of which end at a time, and the owners of groups."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import models

from accounts.models.people import User

# `User.groups` reads and writes this view: the memberships that have not expired (migration 0013).
MEMBERSHIPS_IN_FORCE = "accounts_user_groups"


class Membership(models.Model):
    """The membership of an account in a group, expired or not.

    Nobody asks this table for rights. `User.groups` reads the view MEMBERSHIPS_IN_FORCE, which leaves out expired rows
    by the clock of the database. ``reminded_for`` is the expiry of which the member and the owners were told.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    expires_at = models.DateTimeField(null=True, blank=True)
    reminded_for = models.DateTimeField(null=True, blank=True)

    class Meta:
        # Django gave the table this constraint when it made it for `User.groups`.
        unique_together = (("user", "group"),)

    def __str__(self) -> str:
        return f"{self.user} in {self.group}"


class GroupOwner(models.Model):
    """A person who may add members to a group, remove them, and set when their memberships expire."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="owners")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="owned_groups")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "owner"], name="accounts_groupowner_once")]

    def __str__(self) -> str:
        return f"{self.owner} owns {self.group}"

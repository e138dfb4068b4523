"""Accounts and groups that an identity provider provisions over SCIM."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import models

from accounts.models.people import User

LONGEST_EXTERNAL_ID = LONGEST_DISPLAY_NAME = 255


class ProvisionedAccount(models.Model):
    """An account of a person that an identity provider made over SCIM, or that was handed over to it.

    ``external_id`` and ``display_name`` are the provider's id and name of the person, "" where it sent none.
    ``ended_at`` is when the provider deactivated the account. It is None for one that somebody here deactivated, which
    the provider cannot activate. ``deleted_at`` is when the provider deleted the account, which stays here.
    """

    account = models.OneToOneField(User, on_delete=models.PROTECT, related_name="provisioned")
    external_id = models.CharField(max_length=LONGEST_EXTERNAL_ID, default="", blank=True)
    display_name = models.CharField(max_length=LONGEST_DISPLAY_NAME, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["external_id"], condition=~models.Q(external_id=""), name="accounts_provisionedaccount_external"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} as {self.external_id}"


class ProvisionedGroup(models.Model):
    """A group whose members an identity provider sets over SCIM. ``external_id`` is the provider's id of the group."""

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="provisioned")
    external_id = models.CharField(max_length=LONGEST_EXTERNAL_ID, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.group} as {self.external_id}"

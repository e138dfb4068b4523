"""Belongings of a person who leaves: those that are handed over, those that end, and those that stay alone."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import ApiToken, TrustedPublisher, User
from approvals.models import LIVE_STATES, ApprovalCondition, Finding, FindingState, TransitionRequest
from approvals.permissions.reviews import delegations_in_force
from registry.models import InventoryEntry


@dataclass(frozen=True, slots=True)
class Belongings:
    """The belongings of a person. A successor gets models, findings, service accounts and groups; the rest ends.

    ``owned_groups`` are the groups that the person owns. ``sole_memberships`` are the groups whose only active member
    the person is, ``conditions`` the number of conditions of approvals that stay with their name, ``publishers`` that
    of trusted publishers that go on working.
    """

    models: list[InventoryEntry]
    findings: list[Finding]
    requests: list[TransitionRequest]
    service_accounts: list[User]
    owned_groups: list[str]
    tokens: int
    delegations: int
    sole_memberships: list[str]
    conditions: int
    publishers: int

    @property
    def needs_successor(self) -> bool:
        """Return whether anything would be left without an owner."""
        return bool(self.models or self.findings or self.service_accounts or self.owned_groups)


def belongings_of(person: User) -> Belongings:
    """Return the belongings of a person, whoever may see them: only superusers ask. A fixed number of queries."""
    now = timezone.now()
    findings = Finding.objects.filter(owner=person, state=FindingState.OPEN).select_related("model").order_by("pk")
    requests = TransitionRequest.objects.filter(requester=person, state__in=LIVE_STATES)
    is_active_person = Q(user__is_active=True, user__is_service=False)
    groups = Group.objects.annotate(active=Count("user", filter=is_active_person, distinct=True))
    return Belongings(
        models=list(InventoryEntry.objects.filter(owner=person).select_related("model").order_by("model__name")),
        findings=list(findings),
        requests=list(requests.select_related("version__model").order_by("pk")),
        service_accounts=list(person.service_accounts.filter(is_active=True).order_by("username")),
        owned_groups=list(Group.objects.filter(owners__owner=person).order_by("name").values_list("name", flat=True)),
        tokens=ApiToken.objects.filter(user=person, revoked_at__isnull=True, expires_at__gt=now).count(),
        delegations=delegations_in_force().filter(Q(delegator=person) | Q(delegate=person)).count(),
        sole_memberships=list(groups.filter(user=person, active=1).order_by("name").values_list("name", flat=True)),
        conditions=ApprovalCondition.objects.filter(owner=person, review__request__state__in=LIVE_STATES).count(),
        publishers=TrustedPublisher.objects.filter(account__owner=person, deleted_at__isnull=True).count(),
    )

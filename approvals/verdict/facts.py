"""Facts from which a verdict is evaluated, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from policies.rules import Rule, Severity


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """The check job that counts for a rule: the one with the present inputs.

    ``since`` is the time of its last change of state.
    """

    state: str
    summary: str
    since: datetime
    progress: int = 0
    check_run_id: int | None = None
    author: str = ""  # who posted the result of an external check


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """One review and the subject digest that it covers.

    ``groups`` and ``roles`` (permission levels on the model) give the review its vote. ``on_behalf_of`` is the username
    of the delegator whose they are, "" for the reviewer's own. ``can_decide``: the accounts of reviewer and delegator
    belong to people and are active. ``parts`` are the hashes of the parts of the reviewed subject. ``signed``: it has
    an electronic signature. ``by_passkey``: the reviewer's passkey signed it. ``account_doubt`` is the reason why an
    approval by this account does not count, "" if it counts.
    """

    reviewer: str
    groups: frozenset[str]
    decision: str
    digest: str
    at: datetime
    can_decide: bool = True
    roles: frozenset[str] = frozenset()
    on_behalf_of: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    signed: bool = False
    by_passkey: bool = False
    account_doubt: str = ""

    @property
    def authority(self) -> str:
        """Return the username of the person whose review rights the review uses. Each person's rights count once."""
        return self.on_behalf_of or self.reviewer


@dataclass(frozen=True, slots=True)
class OverrideFacts:
    """An override of a soft rule, for one subject digest. It does not count from ``withdrawn_at`` on.

    ``signed`` and ``by_passkey`` are as in ReviewFacts.
    """

    rule: str
    by: str
    groups: frozenset[str]
    reason: str
    digest: str
    at: datetime
    can_decide: bool = True
    signed: bool = False
    by_passkey: bool = False
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FindingFacts:
    """An open finding on the version. The finding of a condition blocks every move from ``blocks_from`` on."""

    finding_id: int
    severity: Severity
    title: str
    owner: str
    since: datetime
    blocks_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class RejectionFacts:
    """A rejection of the same files in another request.

    ``subject`` is the rejected version as text, ``path`` the path of the request's page. ``why`` is the comment, "" for
    a request of another model, which the reader may not see.
    """

    request_id: int
    by: str
    at: datetime
    why: str
    subject: str
    path: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a verdict depends on.

    ``checks`` maps rule ids to the check job that counts. ``people`` maps roles to usernames, with the owners of
    service accounts. ``parts`` are the hashes of the parts of the subject. ``staged_since`` maps the version's stage to
    the time when it came there. ``has_incumbent``: the move would replace another version.

    ``left_target_at`` is when the version left the same target after an earlier approval, None without one;
    ``earlier_obstacle`` is the reason why that approval is no longer valid, "" while it is, and ``earlier_request`` is
    the id of the request that was approved. From ``review_due_at`` on, an overdue re-review blocks the version.

    ``e_signature``: reviews and overrides without an electronic signature do not count. ``needs_passkey``: approvals
    and overrides that no passkey signed do not count. ``needs_device_passkey``: nobody signs with a passkey that may be
    synced; the digest of the subject covers the policy, so no earlier signature remains. ``reason`` is the comment of
    the request. ``deployed``: a deployment serves the version that is live, or that was ended lately or by the
    requester; ``deployed_until`` is when that one no longer counts, None where no time ends it. ``attested_at`` is when
    the owner of the model last attested it.
    """

    rules: tuple[Rule, ...]
    checks: Mapping[str, CheckFacts]
    reviews: tuple[ReviewFacts, ...]
    people: Mapping[str, frozenset[str]]
    subject_digest: str
    opened_at: datetime
    expires_at: datetime
    overrides: tuple[OverrideFacts, ...] = ()
    findings: tuple[FindingFacts, ...] = ()
    rejections: tuple[RejectionFacts, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    model_name: str = ""
    model_tags: Mapping[str, str] = field(default_factory=dict)
    tier: str = ""
    source: str = ""
    has_incumbent: bool = False
    staged_since: Mapping[str, datetime] = field(default_factory=dict)
    left_target_at: datetime | None = None
    earlier_obstacle: str = ""
    earlier_request: int | None = None
    e_signature: bool = False
    needs_passkey: bool = False
    needs_device_passkey: bool = False
    review_due_at: datetime | None = None
    reason: str = ""
    deployed: bool = False
    deployed_until: datetime | None = None
    attested_at: datetime | None = None

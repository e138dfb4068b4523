"""The facts that a verdict is evaluated from, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from policies.rules import Rule, Severity


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """The validation job that counts for a rule: the one that read the current inputs.

    ``since`` is its last change of state.
    """

    state: str
    summary: str
    since: datetime
    progress: int = 0
    check_run_id: int | None = None
    author: str = ""  # who posted the result of an external check


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """One review and the subject it covers. ``can_decide``: the accounts of reviewer and delegator are active people.

    ``groups`` and ``roles`` (permission levels on the model) give the review its vote. ``on_behalf_of`` is who
    delegated them, "" for the reviewer's own. ``parts`` are the hashes of the parts of the reviewed subject.
    ``signed``: it has an electronic signature. ``account_doubt`` says why an approval with this account does not count.
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
    account_doubt: str = ""

    @property
    def authority(self) -> str:
        """Return the username whose review rights the review uses: each person's rights count once."""
        return self.on_behalf_of or self.reviewer


@dataclass(frozen=True, slots=True)
class OverrideFacts:
    """An override of a soft rule, for one subject digest. It does not count from ``withdrawn_at`` on."""

    rule: str
    by: str
    groups: frozenset[str]
    reason: str
    digest: str
    at: datetime
    can_decide: bool = True
    signed: bool = False
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FindingFacts:
    """An open finding on the version. One of a condition of an approval blocks by itself from ``blocks_from`` on."""

    finding_id: int
    severity: Severity
    title: str
    owner: str
    since: datetime
    blocks_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class RejectionFacts:
    """A rejection of the same files in another request. ``subject`` is what was rejected, ``path`` where to read it.

    ``why`` is empty where the other model may be hidden from the reader.
    """

    request_id: int
    by: str
    at: datetime
    why: str
    subject: str
    path: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a verdict depends on. ``checks`` maps rule ids to the job that counts, ``people`` roles to usernames.

    ``people`` has the owners of service accounts beside the accounts. ``parts`` are the hashes of the parts of the
    subject. ``staged_since`` maps the version's stage to when it came there. ``has_incumbent``: the move would replace
    another version. ``left_target_at`` is when the version left the same target after an earlier approval, None without
    one; ``earlier_obstacle`` says why that approval is no longer valid, "" where it is, and ``earlier_request`` is the
    number of the request that was approved. From ``review_due_at`` on an
    overdue re-review blocks the version. ``e_signature``: reviews and overrides without an electronic signature do not
    count. ``reason`` is the comment of the request. ``deployed``: a deployment serves the version that is open, or
    was ended lately or by the requester.
    ``attested_at`` is when the owner of the model last attested it.
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
    review_due_at: datetime | None = None
    reason: str = ""
    deployed: bool = False
    attested_at: datetime | None = None

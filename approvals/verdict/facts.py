"""The facts a verdict rests on, as frozen values: what checks, reviewers, overrides, findings and time have to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from policies.rules import Rule, Severity


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """The validation job that counts for a rule: the one that read what is true now. ``since`` is its last change."""

    state: str
    summary: str
    since: datetime
    progress: int = 0
    check_run_id: int | None = None
    author: str = ""  # who posted the result of an external check


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """One review: who, with whose standing, and the subject it covers. Only people ``can_decide``.

    ``groups`` and ``roles`` (permission levels on the model) are what the vote stands on; ``on_behalf_of`` is who delegated
    them, "" for the reviewer's own. ``parts`` are the hashes of the parts of the subject that was reviewed. ``signed``: it
    carries an electronic signature.
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

    @property
    def authority(self) -> str:
        """Return whose standing the vote uses up."""
        return self.on_behalf_of or self.reviewer


@dataclass(frozen=True, slots=True)
class OverrideFacts:
    """Somebody let a soft rule be, with a reason, for one subject digest; from ``withdrawn_at`` on it counts for nothing."""

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
    """An open finding on the version."""

    finding_id: int
    severity: Severity
    title: str
    owner: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a verdict depends on. ``checks`` maps rule ids to the job that counts; ``people`` maps roles to usernames.

    ``people`` already holds the owners of service accounts beside the accounts. ``staged_since`` maps the stage the version
    is in to when it came there. ``left_target_at`` is since when an earlier approval of the same target lies unused (it left
    the target then), None where there is none; ``earlier_obstacle`` says why it no longer stands. ``review_due_at`` is from
    when on a re-review that is due blocks the version. ``e_signature``: what is not signed does not
    count.
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
    parts: Mapping[str, str] = field(default_factory=dict)
    model_name: str = ""
    model_tags: Mapping[str, str] = field(default_factory=dict)
    tier: str = ""
    source: str = ""
    has_incumbent: bool = False
    staged_since: Mapping[str, datetime] = field(default_factory=dict)
    left_target_at: datetime | None = None
    earlier_obstacle: str = ""
    e_signature: bool = False
    review_due_at: datetime | None = None

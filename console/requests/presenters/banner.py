"""The banners at the top of a request's page: the kind of the request, and the actions open to this person."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from approvals.case.loading import Case
from approvals.models import LIVE_STATES, Decision, RequestState, TransitionRequest, passkey_signature_of
from approvals.permissions.reviews import Eligibility, Ineligibility
from approvals.verdict.votes import involvement_of_reader
from console.shell.links import version_url
from policies.request_kinds import RequestKind
from registry.stages import target_left

_INVOLVEMENT = {
    "requester": "You asked for this move",
    "version_author": "You registered this version or sent files of it",
    "run_user": "You ran this training or logged to its run",
    "card_editor": "You edited this model card",
    "check_author": "You posted the result of a check",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """One banner. ``at`` is a time that is shown after the text, relative to now. ``role`` is its ARIA role or ""."""

    icon: str
    text: str
    title: str = ""
    tone: str = ""
    role: str = ""
    at: datetime.datetime | None = None
    link_url: str = ""
    link_text: str = ""


def kind_banner(request: TransitionRequest) -> Banner | None:
    """Return the banner of a rollback, of an emergency, or of a request to leave a target; None for a promotion."""
    match request.kind:
        case RequestKind.BREAK_GLASS:
            return Banner(
                icon="e911_emergency",
                tone="bad",
                role="alert",
                title="Break-glass request.",
                text="This move bypasses the policy: it needs only unchanged files and a second person. "
                f"Everybody is told once it is made, and it must be reviewed afterwards.{_passkey_sentence(request)}",
            )
        case RequestKind.ROLLBACK:
            return Banner(
                icon="settings_backup_restore",
                title="Rollback.",
                text=f"{request.version} was in {request.target} before, on an approval that must still be valid. "
                "The policy's rules for rollbacks apply.",
            )
        case _:
            return leaving_banner(request)


def _passkey_sentence(request: TransitionRequest) -> str:
    """Return a sentence with the signer and the passkey of a request for break-glass, "" without a signature."""
    signature = passkey_signature_of(request)
    if signature is None:
        return ""
    name = signature.passkey.name
    return f" {request.requester} signed it with the passkey {name}. The server alone cannot make this signature."


def leaving_banner(request: TransitionRequest) -> Banner | None:
    """Return the banner with the consequences of a live request to leave a target; None for any other request."""
    version = request.version
    left_target = target_left(request.target, is_current=version.is_current)
    if not left_target or request.state not in LIVE_STATES:
        return None
    address = f"models:/{version.model.name}{left_target if left_target.startswith('@') else f'/{left_target}'}"
    return Banner(
        icon="logout",
        tone="bad",
        title=f"{version} would leave {left_target} without a successor.",
        text=f"Clients that load {address} would get an error.",
    )


def closed_banner(request: TransitionRequest) -> Banner | None:
    """Return the banner with the reason why a request was closed, None where its state needs no reason."""
    version = request.version
    if request.state == RequestState.APPLIED:
        return Banner(
            icon="check_circle",
            tone="ok",
            title="Done.",
            text=f"{version} {request.moved_text}",
            at=request.closed_at,
            link_url=version_url(version.model.name, version.version),
            link_text=f"Open {version}",
        )
    if request.state_reason:
        return Banner(icon="info", tone="bad", text=request.state_reason)
    return None


def approved_banner(waits_for: str) -> Banner:
    """Return the banner with the next step of an approved request; ``waits_for`` is "" where it waits for nothing."""
    if waits_for:
        text = f"{waits_for} It then moves automatically."
        return Banner(icon="schedule", tone="ok", role="status", title="Approved, and waiting.", text=text)
    text = "A worker is moving the version. This page updates by itself."
    return Banner(icon="sync", tone="ok", role="status", title="Approved.", text=text)


def open_banner(case: Case, eligibility: Eligibility, headline: str, *, may_approve: bool) -> Banner:
    """Return the banner that says which decision this person can take on an open request, or why they can take none."""
    if reason := why_not_decide(case, eligibility):
        return Banner(icon="info", title="You cannot decide on this request.", text=reason)
    if eligibility.last_decision:
        title = (
            "You approved this request." if eligibility.last_decision == Decision.APPROVE else "You requested changes."
        )
        return Banner(icon="how_to_reg", title=title, text="You can still change your decision: the latest one counts.")
    on_behalf = f", on behalf of {eligibility.on_behalf_of}" if eligibility.on_behalf_of else ""
    title = f"Your decision is needed{on_behalf}."
    if not may_approve:
        text = f"{headline} You can approve once every check has passed. You can reject now."
        return Banner(icon="hourglass_top", tone="wait", title=title, text=text)
    sign = " and your signature" if case.snapshot.e_signature else ""
    sign += " and your passkey" if case.snapshot.needs_passkey else ""
    text = f"Every check has passed. Read the comparison, then decide with a comment{sign}."
    return Banner(icon="how_to_reg", tone="ok", title=title, text=text)


def request_banners(
    case: Case, eligibility: Eligibility, *, waits_for: str, headline: str, may_approve: bool
) -> Iterator[Banner]:
    """Yield the banners of a request's page, the kind of request first."""
    if kind := kind_banner(case.request):
        yield kind
    match case.request.state:
        case RequestState.OPEN:
            yield open_banner(case, eligibility, headline, may_approve=may_approve)
        case RequestState.APPROVED:
            yield approved_banner(waits_for)
        case _:
            if closed := closed_banner(case.request):
                yield closed


def why_not_decide(case: Case, eligibility: Eligibility) -> str:
    """Return the reason why this person may not decide on an open request, addressed to them; "" where they may."""
    if case.request.state != RequestState.OPEN:
        return ""
    match eligibility.reason:
        case Ineligibility.NO_APPROVAL_ASKED:
            return "The policy requires no approval. The request is applied when its checks have passed."
        case Ineligibility.INVOLVED:
            involvement = _INVOLVEMENT.get(eligibility.role) or involvement_of_reader(eligibility.role)
            return f"{involvement}, so somebody else must decide (four eyes)."
        case Ineligibility.NO_REVIEW_RIGHTS:
            needed = eligibility.needed
            is_named = " the model" in needed or "owners" in needed
            return (
                f"Only {needed} can decide on this." if is_named else f"Only a member of {needed} can decide on this."
            )
        case _:
            return eligibility.message

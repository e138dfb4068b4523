"""The dialogs of a transition request: approve, request changes, reject, override a rule, give the reason, withdraw."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.models import User
from accounts.passkeys.enrolment import passkeys_of
from approvals.case.loading import Case, load_case
from approvals.models import Decision, TransitionRequest
from approvals.requests.give_reason import give_reason
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.override import override_rule, withdraw_override
from approvals.requests.review import decide_request
from approvals.requests.settle import is_delayed
from console.account.identity import identity_check
from console.requests.forms import (
    ApproveForm,
    OverrideForm,
    OverrideWithdrawalForm,
    ReasonForm,
    SignedForm,
    Signer,
    WithdrawalForm,
)
from console.requests.queries import find_request
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.links import request_url
from console.shell.pages import Crumb, page
from core.actors import Actor
from core.refs import request_ref
from registry.stages import removed_alias

_TITLES = {
    Decision.APPROVE: ("Approve request #{}", "Approve request", "is-ok"),
    Decision.REQUEST_CHANGES: ("Request changes to request #{}", "Request changes", "is-primary"),
    Decision.REJECT: ("Reject request #{}", "Reject request", "is-bad"),
}


@page
def approve(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Approve a request in a dialog."""
    return _decide(request, actor, request_id, Decision.APPROVE)


@page
def request_changes(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Ask in a dialog for changes to a request, which stays open."""
    return _decide(request, actor, request_id, Decision.REQUEST_CHANGES)


@page
def reject(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Reject a request in a dialog."""
    return _decide(request, actor, request_id, Decision.REJECT)


@page
def override(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Override a soft rule of a request in a dialog; the query string names the `rule`."""
    case = load_case(find_request(actor, request_id))
    rule = request.GET.get("rule", "")[:110]
    form = OverrideForm(
        submitted(request),
        rule=rule,
        case=case,
        signer=_signer(request, actor, case.request),
        seen=request.GET.get("seen", ""),
    )

    def act() -> str:
        override_rule(
            actor=actor,
            request_id=case.request.pk,
            rule=form.cleaned_data["rule"],
            reason=form.cleaned_data["comment"],
            seen_digest=form.cleaned_data["seen_digest"],
            signature=form.signature(),
            passkey=form.passkey_answer(),
        )
        messages.success(request, f"The rule {form.cleaned_data['rule']} is overridden for request #{case.request.pk}.")
        return request_url(case.request.pk)

    dialog = Dialog(
        title=f"Override the rule {rule or 'of this request'}",
        description="The rule no longer blocks this request as it is now, until the override is withdrawn.",
        submit="Override rule",
        tone="is-bad",
        intro=_subject(case.request),
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(case.request))


@page
def override_withdraw(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Withdraw an override in a dialog; the query string names the `override` by its id."""
    row = find_request(actor, request_id)
    form = OverrideWithdrawalForm(submitted(request), initial={"override": request.GET.get("override", "")[:20]})

    def act() -> str:
        withdrawn = withdraw_override(
            actor=actor,
            request_id=row.pk,
            override_id=form.cleaned_data["override"],
            reason=form.cleaned_data["comment"],
        )
        messages.success(request, f"The override of {withdrawn.rule} for request #{row.pk} is withdrawn.")
        return request_url(row.pk)

    dialog = Dialog(
        title="Withdraw this override",
        description="The rule blocks the request again. A request that was approved because of the override is closed.",
        submit="Withdraw override",
        tone="is-bad",
        intro=_subject(row),
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(row))


@page
def reason(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Give the reason of a request in a dialog."""
    row = find_request(actor, request_id)
    form = ReasonForm(submitted(request))

    def act() -> str:
        give_reason(actor=actor, request_id=row.pk, reason=form.cleaned_data["comment"])
        messages.success(request, f"The reason of request #{row.pk} is recorded.")
        return request_url(row.pk)

    dialog = Dialog(title=f"Give the reason of request #{row.pk}", submit="Give reason", intro=_subject(row))
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(row))


@page
def withdraw(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Withdraw a request in a dialog."""
    row = find_request(actor, request_id)
    form = WithdrawalForm(submitted(request))

    def act() -> str:
        withdraw_request(actor=actor, request_id=row.pk, comment=form.cleaned_data["comment"])
        messages.success(request, f"Request #{row.pk} is withdrawn.")
        return request_url(row.pk)

    dialog = Dialog(
        title=f"Withdraw request #{row.pk}",
        description=f"The request is closed without a decision. {row.version} stays where it is.",
        submit="Withdraw request",
        tone="is-bad",
        intro=_subject(row),
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(row))


def _decide(request: HttpRequest, actor: Actor, request_id: int, decision: Decision) -> HttpResponse:
    case = load_case(find_request(actor, request_id))
    row = case.request
    kind = ApproveForm if decision is Decision.APPROVE else SignedForm
    form = kind(
        submitted(request),
        case=case,
        signs=decision,
        signer=_signer(request, actor, row),
        seen=request.GET.get("seen", ""),
    )

    def act() -> str:
        decide_request(
            actor=actor,
            request_id=row.pk,
            decision=decision.value,
            comment=form.cleaned_data["comment"],
            seen_digest=form.cleaned_data["seen_digest"],
            signature=form.signature(),
            passkey=form.passkey_answer(),
            conditions=form.conditions() if isinstance(form, ApproveForm) else (),
        )
        messages.success(request, f"Your decision on request #{row.pk} is recorded.")
        return request_url(row.pk)

    return run_dialog(request, actor, _decision_dialog(case, decision), form, act, crumbs=_crumbs(row))


def _decision_dialog(case: Case, decision: Decision) -> Dialog:
    title, submit, tone = _TITLES[decision]
    return Dialog(
        title=title.format(case.request.pk),
        description=_consequence(case, decision),
        submit=submit,
        tone=tone,
        intro=_subject(case.request),
    )


def _consequence(case: Case, decision: Decision) -> str:
    """Return the effect of the decision as a sentence, with the versions that it moves or replaces."""
    row = case.request
    match decision:
        case Decision.APPROVE:
            return f"Once no other rule blocks the request, {_move(row)}."
        case Decision.REJECT:
            return (
                f"The request is closed and {row.version} stays where it is. "
                f"{row.requester} reads your comment and can ask again."
            )
        case _:
            return "The request stays open. It waits until the version has changed, or until you decide again."


def _move(row: TransitionRequest) -> str:
    """Return the move that follows the approval, with its time where the policy or the requester delays it."""
    alias = removed_alias(row.target)
    move = f"@{alias} is removed from {row.version}" if alias else f"{row.version} moves to {row.target}"
    return f"{move} after {row.apply_after:%Y-%m-%d %H:%M} UTC" if is_delayed(row) else f"{move} automatically"


def _subject(row: TransitionRequest) -> SafeString:
    return render_to_string("console/requests/_decision_subject.html", {"subject": row})


def _signer(request: HttpRequest, actor: Actor, row: TransitionRequest) -> Signer:
    printed_name = request.user.get_full_name() if isinstance(request.user, User) else ""
    identity = identity_check(request, purpose=request_ref(row.pk), back_to=request_url(row.pk))
    return Signer(printed_name, passkeys_of(actor.user_id).exists(), identity)


def _crumbs(row: TransitionRequest) -> list[Crumb]:
    requests = Crumb("Requests", reverse("admin:approvals_transitionrequest_changelist"))
    return [requests, Crumb(f"#{row.pk}", request_url(row.pk))]

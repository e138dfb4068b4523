"""The editor of policies: the preview of a draft with its errors, the dry run, the replay, and the proposal."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals.permissions.policies import refusal_to_propose
from approvals.policy_changes.dry_run import dry_run
from approvals.policy_changes.propose import propose_policy
from approvals.policy_changes.replay import MAX_REQUESTS, TODAY, Outcome, Replay, replay
from console.policies.forms import DraftForm, ReplayForm, TrialForm
from console.policies.presenters.descriptions import rule_text
from console.policies.presenters.policies import preview, starting_text
from console.policies.views.policies import PROPOSAL_OPENED, policies_crumbs
from console.shell.pages import denied_message, go_to, page, render_page
from core.actors import Actor
from core.errors import DomainError, NotFound
from core.ids import row_id
from policies.drafts import load_draft
from policies.yaml_text import parse_yaml
from registry.permissions import visible_models

_CHUNK = 50
_OFFERED = 200


@page
def draft(request: HttpRequest, actor: Actor, policy_id: int | None = None) -> HttpResponse:
    """Write a policy and propose it. Everybody may write and try a draft; only policy editors may propose."""
    if request.method == "POST":
        form = DraftForm(request.POST)
        if form.is_valid() and (proposal := _propose(actor, form)):
            messages.info(request, PROPOSAL_OPENED)
            return go_to(request, reverse("console:proposal", args=[proposal]))
    else:
        form = DraftForm(initial={"yaml": starting_text(policy_id, _number(request.GET.get("proposal", "")))})
    names = visible_models(actor).order_by("-updated_ms").values_list("name", flat=True)[:_OFFERED]
    return render_page(
        request,
        "console/policies/draft.html",
        "Write a policy" if policy_id is None else "Edit",
        heading="Write a policy" if policy_id is None else "Edit a policy",
        crumbs=policies_crumbs(),
        status=HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK,
        form=form,
        trial=TrialForm(),
        page=preview(str(form["yaml"].value() or "")),
        may_propose=refusal_to_propose(actor) is None,
        model_names=list(names),
        most=MAX_REQUESTS,
        today=TODAY,
    )


def _propose(actor: Actor, form: DraftForm) -> int | None:
    """Open the proposal and return its id. A refusal becomes an error of the form, and None is returned."""
    try:
        body = parse_yaml(form.cleaned_data["yaml"])
        return propose_policy(actor=actor, body=body, comment=form.cleaned_data["comment"]).pk
    except DomainError as error:
        form.add_error(None, denied_message(actor, error))
        return None


@page
@require_POST
def draft_preview(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """Return the rules of a draft as sentences, or its errors, as a fragment."""
    return render(request, "console/policies/_draft_preview.html", {"page": preview(_text(request))})


@page
@require_POST
def draft_dry_run(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Return the verdict that a draft would give on a version now, as a fragment."""
    template = "console/policies/_dry_run.html"
    form = TrialForm(request.POST)
    if not form.is_valid():
        return render(request, template, {"why_not": "Choose a model, and the number of one of its versions."})
    cleaned = form.cleaned_data
    try:
        body = parse_yaml(_text(request))
        texts = {rule.id: rule_text(rule) for rule in load_draft(body).body.rules}
        result = dry_run(
            actor=actor, body=body, name=cleaned["model"], version=cleaned["version"], run_checks=cleaned["run_checks"]
        )
    except DomainError as error:
        return render(request, template, {"why_not": error.message})
    rules = [(row, texts.get(row.rule, row.title), result.basis.get(row.rule, "")) for row in result.rules]
    return render(request, template, {"result": result, "rules": rules})


@page
@require_POST
def draft_replay(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Return one part of a replay as a fragment. The fragment loads the next part."""
    form = ReplayForm(request.POST)
    if not form.is_valid():
        return render(
            request, "console/policies/_replay.html", {"why_not": "Invalid page cursor. Start the replay again."}
        )
    so_far = {name: value or 0 for name, value in form.cleaned_data.items() if name != "before"}
    before = form.cleaned_data["before"]
    try:
        part = replay(actor=actor, body=parse_yaml(_text(request)), limit=_CHUNK, before=before)
    except DomainError as error:
        return render(request, "console/policies/_replay.html", {"why_not": error.message})
    return render(request, "console/policies/_replay.html", _counted(part, so_far, is_first=before is None))


def _counted(part: Replay, so_far: dict[str, int], *, is_first: bool) -> dict[str, object]:
    """Return the context of the fragment: the requests of this part whose outcome differs, and the totals so far."""
    totals = {outcome.value: so_far[outcome.value] + part.totals[outcome.value] for outcome in Outcome}
    examined = min(so_far["examined"] + part.examined, MAX_REQUESTS)
    has_more = part.next_before is not None and examined < MAX_REQUESTS
    return {
        "rows": [row for row in part.rows if row.outcome is not Outcome.SAME],
        "totals": totals,
        "judged": sum(totals.values()),
        "examined": examined,
        "candidates": part.candidates,
        "next_before": part.next_before if has_more else None,
        "is_first": is_first,
        "today": TODAY,
    }


def _text(request: HttpRequest) -> str:
    return request.POST.get("yaml", "").replace("\r\n", "\n")


def _number(text: str) -> int | None:
    if not text:
        return None
    if not (number := row_id(text)):
        raise NotFound(f"There is no proposal {text[:50]}.")
    return number

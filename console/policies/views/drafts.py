"""Writing a policy: the text, what is wrong with it by line, what it says in words, and trying it before anybody is asked."""

from __future__ import annotations

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals.models import MAX_COMMENT
from approvals.permissions.policies import refusal_to_propose
from approvals.policy_changes.dry_run import DryRun, dry_run
from approvals.policy_changes.propose import propose_policy
from approvals.policy_changes.replay import MAX_REQUESTS, TODAY, Outcome, Replay, replay
from console.policies.presenters.descriptions import sentence_of
from console.policies.presenters.policies import preview, starting_text
from console.policies.views.policies import crumbs
from console.shell.forms import ConsoleForm
from console.shell.pages import denied_message, go_to, page, render_page
from core.actors import Actor
from core.errors import DomainError, NotFound
from core.ids import MAX_ROW_ID
from policies.documents import MAX_BYTES
from policies.drafts import load_draft
from policies.yaml_text import parse_yaml
from registry.permissions import visible_models

_CHUNK = 50
_OFFERED = 200


class DraftForm(ConsoleForm):
    """A policy as text, and why."""

    yaml = forms.CharField(
        label="Policy, in YAML",
        max_length=MAX_BYTES,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 26, "class": "c-input c-code", "spellcheck": "false", "wrap": "off"}),
    )
    comment = forms.CharField(
        label="Why this change?",
        required=False,
        max_length=MAX_COMMENT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The second person reads this first.",
    )


class TrialForm(ConsoleForm):
    """The version a draft is tried on."""

    model = forms.CharField(
        label="Model", max_length=256, strip=False, widget=forms.TextInput(attrs={"list": "models"})
    )
    version = forms.IntegerField(label="Version", min_value=1, max_value=2**31 - 1)
    run_checks = forms.BooleanField(label="Run quick checks that have no result yet", required=False, initial=True)


class ReplayForm(forms.Form):
    """Where a replay goes on, and what it has counted so far."""

    before = forms.IntegerField(required=False, min_value=1, max_value=MAX_ROW_ID)
    looked = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)
    same = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)
    would_block = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)
    would_pass = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)
    unknown = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)


@page
def draft(request: HttpRequest, actor: Actor, policy_id: int | None = None) -> HttpResponse:
    """Write a policy and propose it. Everybody may write and try; proposing is for policy editors."""
    if request.method == "POST":
        form = DraftForm(request.POST)
        if form.is_valid() and (made := _propose(actor, form)):
            messages.info(request, "The proposal is open. It takes a second person to approve it.")
            return go_to(request, reverse("console:proposal", args=[made]))
    else:
        form = DraftForm(initial={"yaml": starting_text(policy_id, _number(request.GET.get("proposal", "")))})
    names = visible_models(actor).order_by("-updated_ms").values_list("name", flat=True)[:_OFFERED]
    return render_page(
        request,
        "console/policies/draft.html",
        "Write a policy" if policy_id is None else "Edit",
        crumbs=crumbs(),
        status=HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK,
        form=form,
        trial=TrialForm(),
        shown=preview(str(form["yaml"].value() or "")),
        may_propose=refusal_to_propose(actor) is None,
        model_names=list(names),
        most=MAX_REQUESTS,
        today=TODAY,
    )


def _propose(actor: Actor, form: DraftForm) -> int | None:
    """Open the proposal and return its id; what the service cannot take becomes an error on the form."""
    try:
        body = parse_yaml(form.cleaned_data["yaml"])
        return propose_policy(actor=actor, body=body, comment=form.cleaned_data["comment"]).pk
    except DomainError as error:
        form.add_error(None, denied_message(actor, error))
        return None


@page
@require_POST
def draft_preview(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """Answer what a text says, or what is wrong with it, as a fragment."""
    return render(request, "console/policies/_draft_preview.html", {"shown": preview(_text(request))})


@page
@require_POST
def draft_dry_run(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Answer what a text would say of a version now, as a fragment."""
    form = TrialForm(request.POST)
    found: DryRun | None = None
    why = ""
    words: dict[str, str] = {}
    if form.is_valid():
        asked = form.cleaned_data
        try:
            body = parse_yaml(_text(request))
            words = {rule.id: sentence_of(rule) for rule in load_draft(body).body.rules}
            found = dry_run(
                actor=actor,
                body=body,
                name=asked["model"],
                version=asked["version"],
                run_checks=asked["run_checks"],
            )
        except DomainError as error:
            why = error.message
    else:
        why = "Choose a model, and the number of one of its versions."
    rules = [(row, words.get(row.rule, row.title)) for row in found.rules] if found else []
    return render(request, "console/policies/_dry_run.html", {"found": found, "rules": rules, "why": why})


@page
@require_POST
def draft_replay(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Answer one part of a replay as a fragment, which asks for the next part by itself."""
    form = ReplayForm(request.POST)
    if not form.is_valid():
        return render(request, "console/policies/_replay.html", {"why": "That is no place to go on from."})
    so_far = {name: value or 0 for name, value in form.cleaned_data.items() if name != "before"}
    before = form.cleaned_data["before"]
    try:
        found = replay(actor=actor, body=parse_yaml(_text(request)), limit=_CHUNK, before=before)
    except DomainError as error:
        return render(request, "console/policies/_replay.html", {"why": error.message})
    return render(request, "console/policies/_replay.html", _counted(found, so_far, is_first=before is None))


def _counted(found: Replay, so_far: dict[str, int], *, is_first: bool) -> dict[str, object]:
    """Return what the fragment shows: this part's differences, and all counted until now."""
    totals = {outcome.value: so_far[outcome.value] + found.totals[outcome.value] for outcome in Outcome}
    looked = min(so_far["looked"] + found.examined, MAX_REQUESTS)
    goes_on = found.next_before is not None and looked < MAX_REQUESTS
    return {
        "rows": [row for row in found.rows if row.outcome is not Outcome.SAME],
        "totals": totals,
        "judged": sum(totals.values()),
        "looked": looked,
        "candidates": found.candidates,
        "next_before": found.next_before if goes_on else None,
        "is_first": is_first,
        "today": TODAY,
    }


def _text(request: HttpRequest) -> str:
    return request.POST.get("yaml", "").replace("\r\n", "\n")


def _number(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > len(str(2**63)):
        raise NotFound("There is no such proposal.")
    return int(text)

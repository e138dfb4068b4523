"""The risk of a model: the questionnaire, the tier with its reasons, and earlier assessments."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from console.registry.forms import RiskForm
from console.shell.lookups import find_model
from console.shell.pages import denied_message, model_crumbs, page, render_page
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput
from registry.cards.templates import BY_TIER, find_template
from registry.models import RiskAssessment
from registry.permissions import Level, has_level
from registry.risk import assessment_history, newest_questionnaire
from registry.services.risk import assess_risk


@page
def model_risk(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Show the risk assessments of a model, and save a new one."""
    model = find_model(actor, name)
    history = assessment_history(model)
    current = history[0] if history else None
    form = RiskForm(request.POST or None, questionnaire=newest_questionnaire(), current=current)
    if request.method == "POST" and form.is_valid():
        assessment = _assess(actor, name, form)
        if assessment is not None:
            messages.success(request, f"The assessment is saved: {name} is {assessment.tier} risk.")
            return redirect("console:model_risk", name)
    return render_page(
        request,
        "console/registry/risk.html",
        "Risk",
        crumbs=model_crumbs(name),
        status=HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK,
        model=model,
        current=current,
        history=history,
        questionnaire=newest_questionnaire(),
        form=form,
        asks=find_template(BY_TIER, tier=current.tier if current else ""),
        may_assess=has_level(actor, model, Level.EDIT),
    )


def _assess(actor: Actor, name: str, form: RiskForm) -> RiskAssessment | None:
    """Save the answers and return the assessment. A refusal becomes an error of the form, and None is returned."""
    try:
        return assess_risk(
            actor=actor,
            name=name,
            answers=form.answers(),
            expected_number=form.cleaned_data["number"],
            rationale=form.cleaned_data["rationale"],
        )
    except (Conflict, Denied, InvalidInput) as error:
        form.add_error(None, denied_message(actor, error))
        return None

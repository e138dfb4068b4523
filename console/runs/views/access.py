"""Access to experiments: the grants on one experiment, the grants by name pattern, and the dialogs that change them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.principals import KIND_NAMES, PrincipalKind
from audit.actions import Action
from console.runs.forms import ExperimentGrantForm, ExperimentRevokeForm, PatternGrantForm
from console.runs.queries import find_experiment
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.forms import missing_as_form_error
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor
from core.errors import Denied
from tracking.models import Experiment, ExperimentLevel
from tracking.permissions.experiments import refuse_experiment, require_experiment_level
from tracking.permissions.grants import Grant, all_patterns, grants_of, patterns_over
from tracking.permissions.levels import LEVEL_DESCRIPTIONS, default_level, level_on, rules_all
from tracking.services.grants import (
    revoke_experiment_grant,
    revoke_pattern_grant,
    set_experiment_grants,
    set_pattern_grant,
)

_CHANGED = Action.TRACKING_EXPERIMENT_PERMISSIONS_CHANGED


@page
def experiment_access(request: HttpRequest, actor: Actor, experiment_id: int) -> HttpResponse:
    """List the grants on an experiment, the grants by patterns that match its name, and this person's own level."""
    experiment = find_experiment(actor, experiment_id)
    refusal = refuse_experiment(actor, experiment, ExperimentLevel.MANAGE, _CHANGED)
    everybody = default_level()
    return render_page(
        request,
        "console/runs/access.html",
        f"Access to {experiment.name}",
        crumbs=_crumbs(experiment)[:-1],
        experiment=experiment,
        rows=paginate(request, _rows(grants_of(experiment))),
        by_name=_rows(patterns_over(experiment.name)),
        may_manage=refusal is None,
        why_not=refusal.message if refusal else "",
        own=_level_text(level_on(actor, experiment.pk)),
        everybody=_level_text(everybody),
    )


def _rows(grants: list[Grant]) -> list[dict[str, object]]:
    return [
        {"grant": grant, "kind": KIND_NAMES[grant.kind], "level": LEVEL_DESCRIPTIONS[grant.level]} for grant in grants
    ]


def _level_text(level: int) -> str:
    return LEVEL_DESCRIPTIONS[ExperimentLevel(level)] if level else ""


@page
def grant_experiment_access(request: HttpRequest, actor: Actor, experiment_id: int) -> HttpResponse:
    """Give a person, a service account or a group a level in a dialog. It replaces the level they had."""
    experiment = _managed(actor, experiment_id)
    initial = {key: request.GET[key] for key in ("kind", "name", "level") if key in request.GET}
    form = ExperimentGrantForm(submitted(request), initial=initial)

    def act() -> str:
        cleaned = form.cleaned_data
        grant = Grant(PrincipalKind(cleaned["kind"]), cleaned["name"], cleaned["level"])
        with missing_as_form_error():
            set_experiment_grants(actor=actor, experiment_id=experiment.pk, grants=[grant])
        messages.success(request, f"{grant.name}: {LEVEL_DESCRIPTIONS[grant.level]}.")
        return reverse("console:experiment_access", args=[experiment.pk])

    dialog = Dialog(
        title=f"Give access to {experiment.name}",
        description="It applies at once, to the pages, MLflow clients and the API.",
        submit="Give access",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(experiment))


@page
def revoke_experiment_access(request: HttpRequest, actor: Actor, experiment_id: int) -> HttpResponse:
    """Remove a grant on an experiment, in a dialog."""
    experiment = _managed(actor, experiment_id)
    form = ExperimentRevokeForm(request.POST or request.GET)
    principal = request.GET.get("name") or request.POST.get("name", "")

    def act() -> str:
        cleaned = form.cleaned_data
        kind = PrincipalKind(cleaned["kind"])
        with missing_as_form_error():
            revoke_experiment_grant(actor=actor, experiment_id=experiment.pk, kind=kind, principal=cleaned["name"])
        messages.success(request, f"{cleaned['name']} no longer has a grant on {experiment.name}.")
        return reverse("console:experiment_access", args=[experiment.pk])

    dialog = Dialog(
        title=f"Remove the access of {principal}",
        description=f"{principal} keeps the access of everybody, of their groups, and from name patterns.",
        submit="Remove access",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_crumbs(experiment))


@page
def experiment_patterns(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the grants by name pattern; superusers only."""
    _require_superuser(actor)
    rows = paginate(request, _rows(all_patterns()))
    return render_page(request, "console/runs/patterns.html", "Access by name", crumbs=_list_crumbs(), rows=rows)


@page
def grant_pattern(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Give a level on every experiment whose name matches, in a dialog; superusers only."""
    _require_superuser(actor)
    initial = {key: request.GET[key] for key in ("pattern", "kind", "name", "level") if key in request.GET}
    form = PatternGrantForm(submitted(request), initial=initial)

    def act() -> str:
        cleaned = form.cleaned_data
        grant = Grant(PrincipalKind(cleaned["kind"]), cleaned["name"], cleaned["level"], cleaned["pattern"])
        with missing_as_form_error():
            set_pattern_grant(actor=actor, grant=grant)
        messages.success(request, f"{grant.name} on {grant.pattern}: {LEVEL_DESCRIPTIONS[grant.level]}.")
        return reverse("console:experiment_patterns")

    dialog = Dialog(
        title="Give access by name",
        description="It applies at once, also to experiments that are created or renamed later.",
        submit="Give access",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_pattern_crumbs())


@page
def revoke_pattern(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Remove a grant by name pattern, in a dialog; superusers only."""
    _require_superuser(actor)
    form = ExperimentRevokeForm(request.POST or request.GET)
    submitted_values = request.POST or request.GET
    principal, pattern = submitted_values.get("name", ""), submitted_values.get("pattern", "")

    def act() -> str:
        cleaned = form.cleaned_data
        kind = PrincipalKind(cleaned["kind"])
        with missing_as_form_error():
            revoke_pattern_grant(actor=actor, pattern=cleaned["pattern"], kind=kind, principal=cleaned["name"])
        messages.success(request, f"{cleaned['name']} no longer has a grant on {cleaned['pattern']}.")
        return reverse("console:experiment_patterns")

    dialog = Dialog(
        title=f"Remove the access of {principal}",
        description=f"This removes the grant on experiments whose name matches {pattern}. {principal} keeps the grants on "
        "single experiments.",
        submit="Remove access",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_pattern_crumbs())


def _require_superuser(actor: Actor) -> None:
    if not rules_all(actor):
        raise Denied("Only superusers can grant levels by name pattern.", action=_CHANGED, obj="experiments")


def _managed(actor: Actor, experiment_id: int) -> Experiment:
    experiment = find_experiment(actor, experiment_id)
    require_experiment_level(actor, experiment, ExperimentLevel.MANAGE, _CHANGED)
    return experiment


def _list_crumbs() -> list[Crumb]:
    return [Crumb("Experiments", reverse("console:experiments"))]


def _pattern_crumbs() -> list[Crumb]:
    return [*_list_crumbs(), Crumb("Access by name", reverse("console:experiment_patterns"))]


def _crumbs(experiment: Experiment) -> list[Crumb]:
    runs = Crumb(experiment.name, f"{reverse('console:runs')}?experiment={experiment.pk}")
    return [*_list_crumbs(), runs, Crumb("Access", reverse("console:experiment_access", args=[experiment.pk]))]

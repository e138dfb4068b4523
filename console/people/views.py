"""People and groups: the lists, and the page of each with its rights and their sources."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.browser_sessions import sessions_of
from accounts.groups.owners import owner_names
from accounts.groups.permissions import find_group, may_manage
from accounts.groups.queries import expiries_of, memberships_of
from accounts.oidc.sign_in import providers_of
from accounts.passkeys.enrolment import passkeys_of
from accounts.provisioning.queries import provisioned_accounts, provisioned_groups
from accounts.second_factor.verification import app_of
from audit.subjects import may_read_whole_log
from console.people.queries import find_person, group_rows, people_rows
from console.people.rights import default_levels, experiment_levels, model_levels, rights_of, rights_of_groups
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor


@page
@require_safe
def people(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List people and service accounts."""
    text, kind = request.GET.get("q", "").strip(), request.GET.get("kind", "")
    rows = paginate(request, people_rows(text, kind))
    return render_page(
        request,
        "console/people/people.html",
        "People",
        rows=rows,
        text=text,
        kind=kind,
        may_review_access=may_read_whole_log(actor),
    )


@page
@require_safe
def person(request: HttpRequest, actor: Actor, username: str) -> HttpResponse:
    """Show one account: its groups, its levels, and its rights to decide with the source of each."""
    row = find_person(username)
    groups = list(row.groups.order_by("name"))
    on_models, on_experiments = default_levels()
    return render_page(
        request,
        "console/people/person.html",
        row.username,
        crumbs=[Crumb("People", reverse("console:people"))],
        row=row,
        groups=groups,
        expiries={name: at for (_, name), at in expiries_of([row.pk]).items()},
        rights=rights_of(row, [group.name for group in groups]),
        models=model_levels(actor, user=row, groups=groups),
        experiments=experiment_levels(actor, user=row, groups=groups),
        on_models=on_models,
        on_experiments=on_experiments,
        may_hand_over=actor.is_superuser and row.is_active and not row.is_service and row.pk != actor.user_id,
        may_erase=actor.is_superuser and not row.is_active and not row.is_service,
        sessions=list(sessions_of(row.pk)[:100]) if actor.is_superuser else (),
        own_key=request.session.session_key,
        identities=providers_of(row.pk) if actor.is_superuser else (),
        provisioned=provisioned_accounts().filter(account=row).first(),
        app=app_of(row.pk) if actor.is_superuser and row.pk != actor.user_id else None,
        passkeys=passkeys_of(row.pk) if actor.is_superuser else (),
        manages_publishers=row.is_service and row.is_active and (actor.is_superuser or row.owner_id == actor.user_id),
        service_accounts=row.service_accounts.filter(is_active=True).order_by("username"),
    )


@page
@require_safe
def groups(request: HttpRequest, actor: Actor) -> HttpResponse:  # noqa: ARG001 - a view's signature
    """List groups with the number of their members."""
    return render_page(request, "console/people/groups.html", "Groups", rows=paginate(request, group_rows()))


@page
@require_safe
def group(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Show one group: its members, its owners, and the rights that its members have."""
    row = find_group(name)
    return render_page(
        request,
        "console/people/group.html",
        row.name,
        crumbs=[Crumb("Groups", reverse("console:groups"))],
        row=row,
        members=paginate(request, memberships_of(row)),
        owners=owner_names(row),
        is_filled=provisioned_groups().filter(group=row).exists(),
        may_manage=may_manage(actor, row),
        own_id=actor.user_id,
        rights=rights_of_groups([row.name]),
        models=model_levels(actor, user=None, groups=[row]),
        experiments=experiment_levels(actor, user=None, groups=[row]),
    )

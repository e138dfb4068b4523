"""The inventory page, and the dialogs that describe, attest and retire a model."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from approvals.packs.retirements import ask_to_retire, decide_retirement, open_retirement, withdraw_retirement
from console.inventory.forms import AttestForm, DecideForm, DescribeForm, RetireForm, WithdrawForm
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.lookups import find_model
from console.shell.pages import model_crumbs, page, paginate, render_page
from core.actors import Actor
from core.errors import InvalidState
from registry.inventory import STATES, inventory_models, inventory_of, inventory_rows
from registry.models import RegisteredModel
from registry.services.inventory import attest_model, describe_model

_STATES = (*STATES, "overdue")


@page
def inventory(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the models this person may see, with owner, purpose, tier, state and next attestation."""
    text, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    owner = request.GET.get("owner", "").strip()
    matching = inventory_models(actor, text=text, owner=owner, state=state if state in _STATES else "")
    rows = paginate(request, matching)
    models = [row for row in rows if isinstance(row, RegisteredModel)]
    return render_page(
        request,
        "console/inventory/inventory.html",
        "Inventory",
        rows=rows,
        models=inventory_rows(models),
        text=text,
        owner=owner,
        state=state,
        states=_STATES,
    )


@page
def describe(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Set owner and purpose of a model in a dialog."""
    entry = inventory_of(find_model(actor, name))
    owner = entry.owner.username if entry and entry.owner else ""
    form = DescribeForm(submitted(request), initial={"owner": owner, "purpose": entry.purpose if entry else ""})

    def act() -> str:
        describe_model(actor=actor, name=name, **form.cleaned_data)
        messages.success(request, f"The inventory entry of {name} is changed.")
        return _page_of(name)

    dialog = Dialog(title=f"Owner and purpose of {name}", submit="Save changes")
    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name))


@page
def attest(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Attest a model in a dialog."""
    find_model(actor, name)
    form = AttestForm(submitted(request))

    def act() -> str:
        attestation = attest_model(actor=actor, name=name, **form.cleaned_data)
        text = (
            f"{name} is attested."
            if attestation.counts
            else f"Your answers on {name} are recorded. It is not attested."
        )
        messages.success(request, text)
        return _page_of(name)

    dialog = Dialog(
        title=f"Attest {name}",
        submit=f"Attest {name}",
        description="Your answers are kept for good with your name. The model is attested when all three are yes.",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name))


@page
def retire(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Ask to retire a model, in a dialog."""
    find_model(actor, name)
    form = RetireForm(submitted(request))

    def act() -> str:
        ask_to_retire(actor=actor, name=name, **form.cleaned_data)
        messages.info(request, f"The request to retire {name} is open. A second person who manages the model decides.")
        return _page_of(name)

    dialog = Dialog(
        title=f"Ask to retire {name}",
        submit=f"Ask to retire {name}",
        description=_consequence(name),
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name))


@page
def decide(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Decide on a request to retire a model, in a dialog. Raises InvalidState where there is no open request."""
    row = open_retirement(find_model(actor, name))
    if row is None:
        raise InvalidState(f"There is no open request to retire {name}.")
    form = DecideForm(submitted(request))

    def act() -> str:
        cleaned = form.cleaned_data
        decide_retirement(actor=actor, name=name, approve=cleaned["decision"] == "retire", comment=cleaned["comment"])
        messages.success(request, "Your decision is recorded.")
        return _page_of(name)

    dialog = Dialog(
        title=f"Retire {name}?",
        submit="Record decision",
        description=f"{row.requester.username} wrote: “{row.reason[:300]}” {_consequence(name)}",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name))


@page
def withdraw(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Withdraw a request to retire a model, in a dialog. Raises InvalidState where there is no open request."""
    row = open_retirement(find_model(actor, name))
    if row is None:
        raise InvalidState(f"There is no open request to retire {name}.")
    form = WithdrawForm(submitted(request))

    def act() -> str:
        withdraw_retirement(actor=actor, name=name, **form.cleaned_data)
        messages.success(request, f"The request to retire {name} is withdrawn.")
        return _page_of(name)

    dialog = Dialog(
        title=f"Withdraw the request to retire {name}?",
        submit="Withdraw the request",
        description="The model stays as it is. Anybody who manages it can ask again.",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name))


def _consequence(name: str) -> str:
    return (
        f"Once {name} is retired, nobody can register, move or deploy a version of it, or change an alias. Its evidence "
        "is archived."
    )


def _page_of(name: str) -> str:
    return reverse("console:model", args=[name])

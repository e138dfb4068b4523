"""The second factor of a person: adding and removing an authenticator app, and new recovery codes."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.passkeys.enrolment import passkeys_of
from accounts.second_factor.enrolment import (
    AppEnrolment,
    begin_app,
    finish_app,
    remove_app,
    renew_recovery_codes,
    resume_app,
    unused_codes,
)
from accounts.second_factor.verification import app_of
from console.shell.forms import ConsoleForm
from console.shell.pages import denied_message, page, render_page
from core.actors import Actor
from core.errors import DomainError


class FactorPasswordForm(ConsoleForm):
    """Confirm the password before the second factor changes. ``verb`` is `add`, `renew` or `remove`."""

    verb = forms.ChoiceField(choices=[(verb, verb) for verb in ("add", "renew", "remove")], widget=forms.HiddenInput)
    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Needed even though you are signed in, so that an unlocked screen is not enough.",
    )


class AppCodeForm(ConsoleForm):
    """The code that a new authenticator app shows."""

    token = forms.CharField(max_length=2000, widget=forms.HiddenInput)
    code = forms.CharField(
        label="Code of the app",
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


@page
def second_factor(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the person's second factor; begin to add an app, renew the recovery codes, or remove the app."""
    form, codes, enrolment = FactorPasswordForm(request.POST or None), [], None
    if request.method == "POST" and form.is_valid():
        password = form.cleaned_data["password"]
        try:
            match form.cleaned_data["verb"]:
                case "add":
                    enrolment = begin_app(actor=actor, password=password)
                case "renew":
                    codes = renew_recovery_codes(actor=actor, password=password)
                case _:
                    remove_app(actor=actor, username=actor.name, password=password)
                    messages.success(request, "The authenticator app is removed. You sign in with your password alone.")
                    return redirect("console:second_factor")
        except DomainError as error:
            form.add_error("password", denied_message(actor, error))
    return _page(request, actor, form, codes=codes, enrolment=enrolment)


@page
@require_POST
def add(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Add the authenticator app that shows the right code. The recovery codes are in this response and nowhere else."""
    form, enrolment, codes = AppCodeForm(request.POST), None, []
    try:
        if form.is_valid():
            codes = finish_app(actor=actor, **form.cleaned_data)
            messages.success(request, "The authenticator app is added. Your next sign-in asks for its code.")
        else:
            enrolment = resume_app(actor=actor, token=request.POST.get("token", ""))
    except DomainError as error:
        messages.error(request, denied_message(actor, error))
        try:
            enrolment = resume_app(actor=actor, token=request.POST.get("token", ""))
        except DomainError:
            return redirect("console:second_factor")
    return _page(request, actor, FactorPasswordForm(), codes=codes, enrolment=enrolment)


@page
@require_POST
def remove_of_other(request: HttpRequest, actor: Actor, username: str) -> HttpResponse:
    """Remove the authenticator app of somebody else, as a superuser. Raises Denied, NotFound."""
    remove_app(actor=actor, username=username, password=request.POST.get("password", ""))
    messages.success(request, f"The authenticator app of {username} is removed.")
    return redirect("console:person", username=username)


def _page(
    request: HttpRequest,
    actor: Actor,
    form: FactorPasswordForm,
    *,
    codes: list[str],
    enrolment: AppEnrolment | None,
) -> HttpResponse:
    app = app_of(actor.user_id)
    return render_page(
        request,
        "console/account/second_factor.html",
        "Second factor",
        form=form,
        app=app,
        codes=codes,
        codes_left=unused_codes(app) if app else 0,
        enrolment=enrolment,
        code_form=AppCodeForm(initial={"token": enrolment.token}) if enrolment else None,
        has_passkeys=passkeys_of(actor.user_id).exists(),
    )

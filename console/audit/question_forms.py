"""Forms of the saved questions on the audit page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django import forms

from approvals.questions.answers import Answer
from approvals.questions.approvals_of_version import APPROVALS, who_approved
from approvals.questions.approvers import APPROVERS, who_could_approve
from approvals.questions.exceptions import EXCEPTIONS, exceptions_of
from approvals.questions.production import PRODUCTION, in_production
from console.shell.forms import ConsoleForm

_MAX_NUMBER = 2**31 - 1
_WHOLE_LOG = "Leave it empty for all models, if you are an auditor."


def _model(*, required: bool = True) -> forms.CharField:
    return forms.CharField(label="Model", max_length=256, required=required, help_text="" if required else _WHOLE_LOG)


def _date(help_text: str) -> forms.DateField:
    return forms.DateField(label="Date", help_text=help_text, widget=forms.DateInput(attrs={"type": "date"}))


class ApprovalsForm(ConsoleForm):
    """A version of a model."""

    model = _model()
    version = forms.IntegerField(label="Version", min_value=1, max_value=_MAX_NUMBER)


class ExceptionsForm(ConsoleForm):
    """A quarter, and a model or all of them."""

    quarter = forms.CharField(label="Quarter", max_length=7, help_text="Such as 2026-Q4.")
    model = _model(required=False)


class ProductionForm(ConsoleForm):
    """A date, and a model or all of them."""

    date = _date("A day in UTC.")
    model = _model(required=False)


class ApproversForm(ConsoleForm):
    """A model, a target and a date."""

    model = _model()
    target = forms.CharField(
        label="Target", max_length=256, initial="Production", help_text="Staging, Production or an alias: @champion."
    )
    date = _date("A day in UTC. The answer is about its end.")


@dataclass(frozen=True, slots=True)
class Question:
    """A saved question: its title, its form, and the function that answers it for an actor and the form's values."""

    code: str
    title: str
    lead: str
    form: type[ConsoleForm]
    ask: Callable[..., Answer]


QUESTIONS = {
    question.code: question
    for question in (
        Question(
            APPROVALS,
            "Who approved this version?",
            "Every review, check, override and move of a version, with the evidence that it names.",
            ApprovalsForm,
            who_approved,
        ),
        Question(
            EXCEPTIONS,
            "Which moves were exceptions?",
            "All overrides, emergencies and self-service moves of a quarter.",
            ExceptionsForm,
            exceptions_of,
        ),
        Question(
            PRODUCTION,
            "What was in Production?",
            "The versions that clients of Production loaded on a date, and who approved them.",
            ProductionForm,
            in_production,
        ),
        Question(
            APPROVERS,
            "Who could approve?",
            "The people who could approve a move of a model on a date, each with the right that they had. For auditors.",
            ApproversForm,
            who_could_approve,
        ),
    )
}

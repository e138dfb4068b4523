"""The saved questions of auditors: the list, a question with its answer, and the export of an answer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals.questions.answers import EVENT, Answer
from approvals.questions.service import Form, export_answer
from console.audit.question_forms import QUESTIONS, Question
from console.shell.forms import ConsoleForm
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor
from core.errors import InvalidInput, NotFound


@page
def questions(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """List the saved questions."""
    crumbs = [Crumb("Audit log", reverse("console:audit"))]
    return render_page(
        request, "console/audit/questions.html", "Questions", crumbs=crumbs, questions=QUESTIONS.values()
    )


@page
def question(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    """Show the form of a question and, where the query string fills it in, the answer.

    Raises NotFound, Denied, InvalidState.
    """
    chosen = _question(code)
    form = chosen.form(request.GET or None)
    answer = _answer_in(form, chosen, actor) if form.is_bound and form.is_valid() else None
    crumbs = [Crumb("Audit log", reverse("console:audit")), Crumb("Questions", reverse("console:audit_questions"))]
    return render_page(
        request,
        "console/audit/question.html",
        chosen.title,
        crumbs=crumbs,
        question=chosen,
        form=form,
        answer=answer,
        labels=[label for name, label in answer.columns.items() if name != EVENT] if answer else [],
        rows=paginate(request, answer.rows) if answer else None,
    )


@page
@require_POST
def question_export(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    """Return the answer to the question in the query string as a file. Raises NotFound, Denied, InvalidInput."""
    chosen = _question(code)
    form = chosen.form(request.GET)
    file_format = request.POST.get("form", "")
    if not form.is_valid():
        raise InvalidInput("The question is not complete. Ask it on its page first.")
    if file_format not in set(Form):
        raise InvalidInput("An answer is exported as csv or json.")
    file = export_answer(actor=actor, answer=_answer(form, chosen, actor), form=Form(file_format))
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return HttpResponse(file.data, content_type=file.media_type, headers=headers)


def _question(code: str) -> Question:
    """Return a question by its code. Raises NotFound."""
    if code not in QUESTIONS:
        raise NotFound("There is no such question.")
    return QUESTIONS[code]


def _answer_in(form: ConsoleForm, chosen: Question, actor: Actor) -> Answer | None:
    """Return the answer, None where a value is not right: the form then says why."""
    try:
        return _answer(form, chosen, actor)
    except InvalidInput as error:
        form.add_error(None, error.message)
        return None


def _answer(form: ConsoleForm, chosen: Question, actor: Actor) -> Answer:
    return chosen.ask(actor, **form.cleaned_data)

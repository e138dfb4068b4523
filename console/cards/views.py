"""Model cards: reading, editing, comparing, exporting and importing; downloads of conformity packs."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from approvals.api.cards import pack_response
from approvals.packs.exports import FORMATS, export_card
from console.cards.forms import CardForm, ImportForm
from console.cards.presenters import CardPage, FieldDiff, card_page, diff_fields, field_titles
from console.shell.lookups import find_version
from console.shell.pages import model_crumbs, page, render_page
from core.actors import Actor
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import whole_number
from registry.cards.imports import MAX_BYTES, Imported, read_card
from registry.cards.templates import newest_templates
from registry.models import CardRevision, ModelVersion
from registry.permissions import Level, has_level
from registry.queries import card_history, current_card, get_card, get_pack
from registry.services.cards import edit_card, import_card

_OTHER_VERSIONS = 50
_REPORTED = 8


@page
def card_detail(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Show the card of a version."""
    version = find_version(actor, name, number)
    return _card(request, actor, card_page(version, template=request.GET.get("template", "")), "Model card")


@page
def card_revision(request: HttpRequest, actor: Actor, name: str, number: int, revision: int) -> HttpResponse:
    """Show one revision and its changes."""
    version = find_version(actor, name, number)
    page_data = card_page(version, revision, request.GET.get("template", ""))
    before = next((row for row in page_data.revisions if row.number == revision - 1), None)
    diffs = diff_fields(before.body, page_data.revision.body) if before else []
    return _card(request, actor, page_data, f"Revision {revision}", diffs=diffs)


def _card(
    request: HttpRequest, actor: Actor, page_data: CardPage, title: str, diffs: Sequence[FieldDiff] = ()
) -> HttpResponse:
    version = page_data.version
    return render_page(
        request,
        "console/cards/card.html",
        title,
        crumbs=model_crumbs(version.model.name, version.version),
        page=page_data,
        may_edit=has_level(actor, version.model, Level.EDIT),
        templates=newest_templates(),
        formats=FORMATS.values(),
        diffs=diffs,
    )


@page
def card_edit(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Edit the fields that people write. A card that somebody else has changed meanwhile is not overwritten.

    A submitted ``show_template`` saves nothing: it shows the form again, with the fields of that template first.
    """
    template_change = request.POST.get("show_template", "")
    template = template_change or request.POST.get("template", "") or request.GET.get("template", "")
    page_data = card_page(find_version(actor, name, number), template=template)
    form = CardForm(request.POST or None, card=page_data)
    if request.method == "POST" and not template_change and form.is_valid() and _save(actor, page_data, form):
        messages.success(request, "The card is saved. Reviews of earlier revisions no longer count.")
        return redirect("console:card", name, number)
    status = HTTPStatus.BAD_REQUEST if form.errors and not template_change else HTTPStatus.OK
    crumbs = model_crumbs(name, number)
    return render_page(
        request,
        "console/cards/card_edit.html",
        "Edit card",
        crumbs=crumbs,
        status=status,
        page=page_data,
        form=form,
        templates=newest_templates(),
    )


def _save(actor: Actor, page_data: CardPage, form: CardForm) -> bool:
    """Save a revision. A refusal becomes an error of the form, and False is returned."""
    try:
        fields = form.values()
        edit_card(actor=actor, version=page_data.version, fields=fields, expected_number=form.cleaned_data["number"])
    except (Conflict, InvalidInput) as error:
        form.add_error(None, error.message)
        return False
    return True


@require_safe
@page
def card_diff(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Compare the card with an earlier revision (`against=r3`) or with another version's card (`against=v2`)."""
    version = find_version(actor, name, number)
    against = request.GET.get("against", "")
    after = get_card(version, whole_number(request.GET.get("revision", "")))
    before_version, before = _card_to_compare(actor, version, after, against)
    others = version.model.versions.filter(deleted_at__isnull=True).exclude(pk=version.pk).order_by("-version")
    return render_page(
        request,
        "console/cards/card_diff.html",
        "Compare cards",
        crumbs=model_crumbs(name, number),
        version=version,
        after=after,
        before=before,
        before_version=before_version,
        revisions=[row for row in card_history(version) if row.number != after.number],
        others=list(others[:_OTHER_VERSIONS]),
        diffs=diff_fields(before.body, after.body),
    )


def _card_to_compare(
    actor: Actor, version: ModelVersion, after: CardRevision, against: str
) -> tuple[ModelVersion, CardRevision]:
    number = whole_number(against[1:])
    if against.startswith("v") and number is not None:
        other = find_version(actor, version.model.name, number)
        return other, current_card(other)
    if against.startswith("r") and number is not None:
        return version, get_card(version, number)
    if against:
        raise InvalidInput(f"Cannot compare with {against[:50]!r}. Name a revision (r3) or a version (v2).")
    return version, get_card(version, max(after.number - 1, 1))


@require_safe
@page
def card_export(request: HttpRequest, actor: Actor, name: str, number: int, kind: str) -> HttpResponse:
    """Return the card in another format. The browser shows the page for printing, and downloads all other formats."""
    version = find_version(actor, name, number)
    if kind not in FORMATS:
        raise NotFound(f"There is no export format {kind[:50]!r}.")
    export = export_card(version, get_card(version, whole_number(request.GET.get("revision", ""))), kind)
    answer = HttpResponse(export.data, content_type=export.content_type)
    disposition = "inline" if kind == "html" else "attachment"
    answer["Content-Disposition"] = f'{disposition}; filename="{export.filename}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@page
def card_import(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Import a card in another format as a new revision."""
    version = find_version(actor, name, number)
    card = current_card(version)
    form = ImportForm(request.POST or None, request.FILES or None, number=card.number)
    if request.method == "POST" and form.is_valid():
        imported = _import(actor, version, card, form)
        if imported is not None:
            _flash_import(request, imported)
            return redirect("console:card", name, number)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    crumbs = model_crumbs(name, number)
    return render_page(
        request,
        "console/cards/card_import.html",
        "Import a card",
        crumbs=crumbs,
        status=status,
        version=version,
        form=form,
    )


def _import(actor: Actor, version: ModelVersion, card: CardRevision, form: forms.Form) -> Imported | None:
    """Save the imported revision. A refusal becomes an error of the form, and None is returned."""
    file = form.cleaned_data["file"]
    data = file.read(MAX_BYTES + 1) if file else form.cleaned_data["content"].encode("utf-8", "replace")
    try:
        imported = read_card(form.cleaned_data["format"], data, body=card.body)
        import_card(
            actor=actor,
            version=version,
            fields=imported.fields,
            expected_number=form.cleaned_data["number"],
            origin=imported.origin,
        )
    except (Conflict, InvalidInput) as error:
        form.add_error(None, error.message)
        return None
    return imported


def _flash_import(request: HttpRequest, imported: Imported) -> None:
    titles = field_titles(tuple(imported.fields))
    messages.success(request, f"Imported: {', '.join(titles) or 'nothing new'}.")
    if imported.unknown:
        more = f" and {len(imported.unknown) - _REPORTED} more" if len(imported.unknown) > _REPORTED else ""
        messages.warning(
            request, f"Left out, because a card has no such field: {'; '.join(imported.unknown[:_REPORTED])}{more}."
        )


@require_safe
@page
def pack_download(request: HttpRequest, actor: Actor, name: str, number: int, pack: int) -> HttpResponseBase:  # noqa: ARG001 - Django's signature
    """Return a conformity pack as it was frozen."""
    return pack_response(get_pack(find_version(actor, name, number), pack))

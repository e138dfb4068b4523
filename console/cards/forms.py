"""Forms of model cards: editing and importing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.forms.boundfield import BoundField
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from console.cards.presenters import CardPage
from console.shell.forms import ConsoleForm
from core.errors import InvalidInput
from registry.cards import FIELDS, Completeness, Field, Kind
from registry.cards.fields import Section, fields_of
from registry.cards.templates import required_keys
from registry.cards.values import MAX_FIELD, as_lines, from_lines

_TALL, _LOW = 5, 2


@dataclass(frozen=True, slots=True)
class Group:
    """Fields of the form that are shown together, folded unless ``is_open``."""

    title: str
    fields: list[BoundField]
    is_open: bool

    @property
    def filled(self) -> int:
        """Return how many of the fields are filled."""
        return sum(bool(field.value()) for field in self.fields)


@dataclass(frozen=True, slots=True)
class Meter:
    """The completeness of the card by one template, with the data that card.js needs to update it.

    ``keys`` are the required fields on the form. ``settled`` is how many of the other required fields are filled.
    """

    measured: Completeness
    keys: str
    settled: int


class CardForm(ConsoleForm):
    """The fields of a model card that people write.

    ``number`` is the revision that the person read. The service refuses to save when there is a newer one.
    """

    number = forms.IntegerField(widget=forms.HiddenInput)
    # A person may save an incomplete card, so no field is marked as optional.
    hides_optional = True

    def __init__(self, data: QueryDict | None = None, *, card: CardPage) -> None:
        super().__init__(data, initial={"number": card.newest.number})
        self._card = card
        self._required = required_keys(card.template, card.tier)
        for field in FIELDS:
            if field.human:
                self.fields[field.key] = _card_field(field, (card.newest.body.get(field.key) or {}).get("value", ""))
        self.style_fields()

    def groups(self) -> Iterator[Group]:
        """Yield the fields that the template requires, unfolded, and then the others by section, folded."""
        required = [self[field.key] for field in FIELDS if field.human and field.key in self._required]
        yield Group(f"Needed by the {self._card.template.title} template", required, is_open=True)
        for section in Section:
            optional = [self[each.key] for each in fields_of(section) if each.human and each.key not in self._required]
            if optional:
                yield Group(section.value, optional, is_open=any(field.errors for field in optional))

    def meters(self) -> Iterator[Meter]:
        """Yield the completeness of the card by each template."""
        for measured in self._card.scores:
            keys = required_keys(measured.template, self._card.tier)
            editable = [key for key in keys if key in self.fields]
            settled = sum(key not in measured.missing for key in keys if key not in self.fields)
            yield Meter(measured, " ".join(editable), settled)

    def values(self) -> dict[str, object]:
        """Return the submitted fields as the card stores them. Raises InvalidInput for a line that is not a row."""
        texts = {field.key: self.cleaned_data[field.key] for field in FIELDS if field.human and field.key in self.data}
        values = {}
        for field in FIELDS:
            if field.key in texts:
                try:
                    values[field.key] = from_lines(field, texts[field.key])
                except InvalidInput as error:
                    raise InvalidInput(f"{field.title}: {error.message}") from error
        return values


def _card_field(field: Field, value: object) -> forms.Field:
    text = as_lines(field, value)
    if field.kind is Kind.CHOICE:
        choices = [("", "—"), *((choice, choice.replace("-", " ")) for choice in field.choices)]
        return forms.ChoiceField(label=field.title, help_text=field.help, required=False, choices=choices, initial=text)
    rows = _TALL if text and field.kind is Kind.TEXT else _LOW
    widget = forms.TextInput() if field.kind is Kind.LINE else forms.Textarea(attrs={"rows": rows})
    return forms.CharField(
        label=field.title,
        help_text=_help(field),
        required=False,
        max_length=MAX_FIELD,
        initial=text,
        widget=widget,
    )


def _help(field: Field) -> str:
    if field.kind is Kind.ROWS:
        return f"{field.help} One row per line: {' | '.join(name.replace('_', ' ') for name in field.columns)}."
    if field.kind is Kind.LIST and "one per line" not in field.help:
        return f"{field.help} One per line."
    return field.help


class ImportForm(ConsoleForm):
    """A card in another format, as a file or as text."""

    # One of file and text is required, so neither is marked as optional.
    hides_optional = True

    number = forms.IntegerField(widget=forms.HiddenInput)
    format = forms.ChoiceField(
        label="Format",
        choices=[
            ("hf", "Hugging Face README.md"),
            ("mct", "Model Card Toolkit JSON"),
            ("cyclonedx", "CycloneDX JSON with a modelCard"),
        ],
    )
    file = forms.FileField(label="File", required=False, allow_empty_file=True)
    content = forms.CharField(
        label="Or the text of the card",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="At most 1 MB. Its fields replace those of the card. All other fields stay as they are.",
    )

    def __init__(
        self, data: QueryDict | None = None, files: MultiValueDict[str, UploadedFile[Any]] | None = None, *, number: int
    ) -> None:
        super().__init__(data, files, initial={"number": number})

    def clean(self) -> dict[str, object]:
        """Require a file or a text."""
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        if not cleaned.get("file") and not str(cleaned.get("content") or "").strip():
            raise forms.ValidationError("Choose a file or paste the text of the card.")
        return cleaned

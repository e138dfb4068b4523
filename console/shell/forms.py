"""The base of every form on the pages, and the fields that several of them share.

Forms check that the entered values are well-formed. The services decide whether they are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django import forms

from approvals.models import MAX_COMMENT
from core.errors import InvalidInput, NotFound

REASON_REQUIRED = "Say why. The reason is kept with your name."
_UNSTYLED = (forms.CheckboxInput, forms.HiddenInput, forms.CheckboxSelectMultiple, forms.RadioSelect)


def text_area(
    label: str, help_text: str = "", *, required: bool = True, limit: int = MAX_COMMENT, rows: int = 3
) -> forms.CharField:
    """Return a field for several lines of text, of at most ``limit`` characters."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=limit,
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"required": REASON_REQUIRED},
    )


@contextmanager
def missing_as_form_error() -> Iterator[None]:
    """Turn NotFound into InvalidInput, for an object that a form names: the page exists, but the entry is wrong.

    Raises InvalidInput.
    """
    try:
        yield
    except NotFound as error:
        raise InvalidInput(error.message) from error


def moment_field(label: str, help_text: str) -> forms.DateTimeField:
    """Return an optional field for a moment in UTC."""
    return forms.DateTimeField(
        label=label,
        help_text=help_text,
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )


class ConsoleForm(forms.Form):
    """A form whose fields have the console's style and name their help text for screen readers."""

    use_required_attribute = False

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments, passed through
        self.style_fields()

    def style_fields(self) -> None:
        """Style every field. A form that adds fields later calls it again."""
        for name, field in self.fields.items():
            if isinstance(field.widget, _UNSTYLED):
                continue
            field.widget.attrs.setdefault("class", "c-input")
            if field.help_text:
                field.widget.attrs.setdefault("aria-describedby", f"id_{name}_helptext")

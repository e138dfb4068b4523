"""The forms of the console's dialogs and pages. They check shape only; what is allowed is the services' word."""

from __future__ import annotations

from django import forms
from django.forms.boundfield import BoundField

from approvals.models import MAX_COMMENT


def dress(form: forms.Form) -> None:
    """Give every field the console's look, those added later too."""
    for name, field in form.fields.items():
        if isinstance(
            field.widget, (forms.CheckboxInput, forms.HiddenInput, forms.CheckboxSelectMultiple, forms.RadioSelect)
        ):
            continue
        field.widget.attrs.setdefault("class", "c-input")
        if field.help_text:
            field.widget.attrs.setdefault("aria-describedby", f"id_{name}_helptext")


def text_area(
    label: str, help_text: str = "", *, required: bool = True, limit: int = MAX_COMMENT, rows: int = 3
) -> forms.CharField:
    """Return a field for several lines of text; ``limit`` is its longest length in characters."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=limit,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class ConsoleForm(forms.Form):
    """A form in the console's dress."""

    use_required_attribute = False

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments, passed through
        dress(self)

    def dress(self) -> None:
        """Dress fields that were added after the form was made."""
        dress(self)

    def visible(self) -> list[BoundField]:
        """Return the fields a person sees."""
        return self.visible_fields()

"""The paths of notices lead to the pages of models and versions, whatever the name of the model."""

from __future__ import annotations

import pytest
from django.urls import reverse

from notices.drafts import model_path, version_path


@pytest.mark.parametrize("name", ["fraud", "50% off?", "a#b", "Größe", "team fraud", "x+y;z"])
def test_a_path_is_that_of_the_page(name: str) -> None:
    assert model_path(name) == reverse("console:model", args=[name])
    assert version_path(name, 7) == reverse("console:version", args=[name, 7])

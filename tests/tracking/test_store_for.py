"""ARTIFACT_URL: what it may say, and that a wrong one stops the start."""

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from tracking.store import FileStore, store_for


@pytest.mark.parametrize("url", ["file:///srv/a%20b", "file://localhost/srv/a%20b"])
def test_directory(url: str) -> None:
    store = store_for(url)
    assert isinstance(store, FileStore)
    assert store.root == Path("/srv/a b")


@pytest.mark.parametrize("url", ["s3://bucket", "", "/srv/x", "file://host/x", "file:relative", "file://", "http://x/"])
def test_unsupported_url_stops_the_start(settings: Any, url: str) -> None:
    settings.ARTIFACT_URL = url
    with pytest.raises(ImproperlyConfigured, match="ARTIFACT_URL"):
        apps.get_app_config("tracking").ready()

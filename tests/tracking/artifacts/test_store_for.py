"""ARTIFACT_URL: what it may say, and that a wrong one stops the start."""

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from tracking.store import FileStore, S3Store, store_for


@pytest.mark.parametrize("url", ["file:///srv/a%20b", "file://localhost/srv/a%20b"])
def test_directory(url: str) -> None:
    store = store_for(url)
    assert isinstance(store, FileStore)
    assert store.root == Path("/srv/a b")


@pytest.mark.parametrize(
    "url",
    ["s3://", "s3:///x", "s3://bucket?x=1", "", "/srv/x", "file://host/x", "file:relative", "file://", "http://x/"],
)
def test_unsupported_url_stops_the_start(settings: Any, url: str) -> None:
    settings.ARTIFACT_URL = url
    with pytest.raises(ImproperlyConfigured, match="ARTIFACT_URL"):
        apps.get_app_config("tracking").ready()


@pytest.mark.parametrize(
    ("url", "prefix"), [("s3://models", ""), ("s3://models/", ""), ("s3://models/a/b%20c/", "a/b c/")]
)
def test_bucket(url: str, prefix: str) -> None:
    store = store_for(url)
    assert isinstance(store, S3Store)
    assert (store.bucket.name, store.prefix) == ("models", prefix)


def test_a_bucket_needs_boto3(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ARTIFACT_URL = "s3://models"
    monkeypatch.setattr("tracking.store.s3.find_spec", lambda _name: None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r requirements-s3\.txt"):
        apps.get_app_config("tracking").ready()

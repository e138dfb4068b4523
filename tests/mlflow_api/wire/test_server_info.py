"""What the server tells anybody."""

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from tests.s3_server import TestBucket


@pytest.mark.parametrize(("path", "text"), [("/health", "OK"), ("/version", settings.MLFLOW_PROTOCOL_VERSION)])
def test_health_and_version_need_no_login(client: Client, path: str, text: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content.decode()) == (200, text)
    assert answer["Content-Type"].startswith("text/plain")
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("prefix", ["api", "ajax-api"])
def test_server_info_promises_only_what_is_there(client: Client, prefix: str) -> None:
    info = client.get(f"/{prefix}/3.0/mlflow/server-info").json()
    assert info["artifact_serving_enabled"] is True
    promised = (
        "multipart_uploads_enabled",
        "multipart_downloads_enabled",
        "artifacts_presigned_only",
        "workspaces_enabled",
    )
    assert not any(info[key] for key in promised)


@pytest.mark.s3
@pytest.mark.parametrize("is_direct", [True, False])
def test_server_info_promises_what_a_bucket_adds(
    client: Client, bucket: TestBucket, settings: Settings, *, is_direct: bool
) -> None:
    settings.DIRECT_TRANSFERS = is_direct
    info = client.get("/api/3.0/mlflow/server-info").json()
    assert (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]) == (is_direct, is_direct)
    assert not any(value for key, value in info.items() if key.startswith("presigned_upload"))

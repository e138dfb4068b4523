"""What the server tells anybody."""

import pytest
from django.conf import settings
from django.test import Client


@pytest.mark.parametrize(("path", "text"), [("/health", "OK"), ("/version", settings.MLFLOW_PROTOCOL_VERSION)])
def test_health_and_version_need_no_login(client: Client, path: str, text: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content.decode()) == (200, text)
    assert answer["Content-Type"].startswith("text/plain")
    assert client.post(path).status_code in {403, 405}


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

"""Code to paste: it asks which version is in Production, follows Production, and registers a deployment."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from django.urls import reverse

from registry.models import ModelVersion

_AUTH = 'curl -H "Authorization: Bearer $MLFLOW_TRACKING_TOKEN"'
_FOLLOW = """\
import json, os, time, urllib.error, urllib.request

import mlflow

url = {url}
headers = {{"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}}
etag, model = "", None
while True:
    request = urllib.request.Request(url, headers=headers | {{"If-None-Match": etag}})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            current = json.load(answer)["version"]
            model = mlflow.pyfunc.load_model({models} + str(current))
            etag = answer.headers["ETag"]
    except urllib.error.HTTPError as error:
        if error.code not in (304, 404, 503):
            raise  # 401 and 403 need a person
    except urllib.error.URLError:
        pass  # the registry does not answer: keep the loaded model
    time.sleep(10)
"""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code to paste; ``key`` identifies it on the page and ``note`` says what it does."""

    key: str
    title: str
    code: str
    note: str


def serving_code(version: ModelVersion, origin: str) -> list[Snippet]:
    """Return the code for a version; ``origin`` is this server's address, such as ``https://models.example.com``."""
    name, number = version.model.name, version.version
    current = origin + reverse("api-production", args=[name])
    deployment = json.dumps(
        {"endpoint": "ENDPOINT", "model": name, "version": number, "environment": "production"}, ensure_ascii=False
    )
    follow = _FOLLOW.format(url=json.dumps(current), models=json.dumps(f"models:/{name}/"))
    return [
        Snippet(
            "ask",
            "Ask which version is in Production (curl)",
            f"{_AUTH} \\\n  -H 'If-None-Match: \"ETAG_OF_THE_LAST_ANSWER\"' \\\n  {shlex.quote(current)}",
            "200 with the version and its ETag, 304 when nothing has changed, 404 when nothing is in Production.",
        ),
        Snippet(
            "follow",
            "Follow Production (Python)",
            follow,
            "Asks every ten seconds and loads the new version when it has changed. It keeps the loaded model while this "
            "server cannot be reached.",
        ),
        Snippet(
            "deploy",
            "Register a deployment (curl)",
            f"{_AUTH} -H 'Content-Type: application/json' \\\n  -d {shlex.quote(deployment)} \\\n"
            f"  {shlex.quote(origin + reverse('api-deployments'))}",
            "Endpoints and lineage then show what serves this version.",
        ),
    ]

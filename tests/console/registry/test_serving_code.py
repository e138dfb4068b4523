"""Code on a version's page: it can be pasted as it is, whatever the model is called."""

from __future__ import annotations

import json
import shlex

import pytest

from accounts.models import User
from console.registry.presenters.serving_code import serving_code
from registry.models import ModelVersion, RegisteredModel
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of


@pytest.mark.parametrize("name", ["fraud", 'it\'s "new" & $HOME', "Modèle 3"])
def test_the_serving_code_can_be_parsed(name: str) -> None:
    version = ModelVersion(model=RegisteredModel(name=name), version=3)

    code = {snippet.key: snippet.code for snippet in serving_code(version, "https://models.example.com")}

    compile(code["follow"], "follow", "exec")
    asked = shlex.split(code["ask"])
    assert asked[-1].startswith("https://models.example.com/api/v1/models/")
    assert 'If-None-Match: "ETAG_OF_THE_LAST_ANSWER"' in asked
    deployment = shlex.split(code["deploy"])
    assert json.loads(deployment[deployment.index("-d") + 1])["model"] == name
    assert deployment[-1] == "https://models.example.com/api/v1/deployments"


def test_a_version_shows_how_to_serve_it(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()

    page = text_of(signed_in(ada).get("/models/fraud/versions/1/"))

    assert "http://testserver/api/v1/models/fraud/production" in page
    assert "Register a deployment (curl)" in page

"""An installation's inside for tests of the program edge, driven line by line: commands come in as JSON.

Run as `python -m tests.config.edge.edge_world` with the environment that the program has.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from config.start import prepare_start

prepare_start()

from django.db import connection, transaction

from accounts.models import ApiToken, User
from accounts.services import issue_token, revoke_token
from audit.models import Event
from core.actors import Actor, Scope
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Level, drop_grants, grant_level
from registry.production.serving import production_response
from registry.services.models import create_model, rename_model
from registry.services.stages import change_stage
from registry.services.versions import create_version
from registry.stages import Stage
from tests.signed_in import actor_of

Json = dict[str, Any]


def actor(name: str) -> Actor:
    user, _ = User.objects.get_or_create(username=name)
    return actor_of(user)


def seed(names: list[str]) -> Json:
    """Create models of ada's, each with a version in Production."""
    for name in names:
        create_model(actor=actor("ada"), name=name)
        promote(name)
    return {}


def promote(name: str) -> Json:
    """Register a version and move it to Production; return its number and the moment after the commit."""
    version = create_version(actor=actor("ada"), name=name, source="s3://test/model")
    with transaction.atomic():
        committed: list[float] = []
        transaction.on_commit(lambda: committed.append(time.monotonic()))
        change_stage(
            actor=actor("ada"), version=version, target=Stage.PRODUCTION, archive_existing=True, reason="better"
        )
    return {"version": version.version, "at": committed[0]}


def archive(name: str) -> Json:
    """Take the version out of Production, with nothing in its place."""
    version = ModelVersion.objects.select_related("model").get(model__name=name, is_current=True)
    change_stage(actor=actor("ada"), version=version, target=Stage.ARCHIVED, archive_existing=False, reason="broken")
    return {}


def rename(name: str, new_name: str) -> Json:
    rename_model(actor=actor("ada"), name=name, new_name=new_name)
    return {}


def token(name: str, scopes: list[str] | None = None) -> Json:
    user = User.objects.get_or_create(username=name)[0]
    chosen = [Scope(scope) for scope in scopes or [Scope.REGISTRY_READ]]
    row, secret = issue_token(actor=actor(name), user=user, scopes=chosen, expires_in=timedelta(hours=1))
    return {"secret": secret, "id": row.pk}


def revoke(token_id: int) -> Json:
    row = ApiToken.objects.select_related("user").get(pk=token_id)
    revoke_token(actor=actor(row.user.username), token=row)
    return {}


def grant(name: str, model: str) -> Json:
    user = User.objects.get_or_create(username=name)[0]
    grant_level(user=user, model=RegisteredModel.objects.get(name=model), level=Level.READ)
    return {}


def ungrant(name: str, model: str) -> Json:
    drop_grants(RegisteredModel.objects.get(name=model), User.objects.get(username=name))
    return {}


def read(name: str) -> Json:
    """Return the answer of the serving read."""
    response = production_response(actor("ada"), name, "")
    return {"etag": response["ETag"], "body": response.content.decode()}


def denials() -> Json:
    return {"count": Event.objects.filter(outcome="denied").count()}


COMMANDS: dict[str, Callable[..., Json]] = {
    function.__name__: function
    for function in (seed, promote, archive, rename, token, revoke, grant, ungrant, read, denials)
}

if __name__ == "__main__":
    for line in sys.stdin:
        command = json.loads(line)
        answer = COMMANDS[command.pop("do")](**command)
        connection.close()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

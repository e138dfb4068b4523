"""`python -m bench.edge.promoter`: makes models and tokens, and promotes; JSON lines in, JSON lines out."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta

import django

django.setup()

from django.db import transaction

from accounts.models import User
from accounts.services import issue_token
from core.actors import Scope, system_actor
from registry.services.models import create_model
from registry.services.stages import change_stage
from registry.services.versions import create_version
from registry.stages import Stage

_ACTOR = system_actor("bench")


def promote(name: str) -> dict[str, object]:
    """Move a new version to Production; return the moment of the commit."""
    version = create_version(actor=_ACTOR, name=name, source="s3://bench/model")
    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.monotonic()))  # before the hint is sent
        change_stage(actor=_ACTOR, version=version, target=Stage.PRODUCTION, archive_existing=True, reason="")
    return {"at": committed[0]}


def prepare(models: list[str], tokens: int) -> dict[str, object]:
    """Create models with a version in Production each; return tokens of as many accounts."""
    for name in models:
        create_model(actor=_ACTOR, name=name)
        promote(name)
    users = [User.objects.create_user(f"server-{number}") for number in range(tokens)]
    scopes, life = [Scope.REGISTRY_READ], timedelta(hours=2)
    return {"tokens": [issue_token(actor=_ACTOR, user=user, scopes=scopes, expires_in=life)[1] for user in users]}


def main() -> None:
    """Answer line after line."""
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("do")
        answer = promote(**command) if name == "promote" else prepare(**command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

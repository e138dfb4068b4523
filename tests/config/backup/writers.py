"""Writes runs and artifacts through the services until it is killed, and prints each run's id when it is committed.

Some artifacts are deleted again. Run as `python -m tests.config.backup.writers NAME [COUNT]`.
"""

from __future__ import annotations

import io
import os
import secrets
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from config.start import prepare_start
from core.actors import Actor, system_actor
from tracking.artifacts import delete_artifact, store_artifact
from tracking.services.runs import create_run


def write(actor: Actor) -> str:
    """Make a run with an artifact, and return its id; another artifact is deleted again for every third run."""
    run = create_run(actor=actor)
    for name in ("model.bin", "again.bin"):
        content = io.BytesIO(secrets.token_bytes(2000))
        store_artifact(actor=actor, path=f"0/{run.pk}/artifacts/{name}", stream=content)
    if int(run.pk[:2], 16) % 3 == 0:
        delete_artifact(actor=actor, path=f"0/{run.pk}/artifacts/again.bin")
    return run.pk


if __name__ == "__main__":
    prepare_start()
    remaining = int(sys.argv[2]) if len(sys.argv) > 2 else -1
    while remaining:
        print(write(system_actor(sys.argv[1])), flush=True)
        remaining -= 1

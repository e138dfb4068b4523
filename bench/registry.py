"""Creates the same registered models on both servers, through the MLflow protocol."""

from __future__ import annotations

import json
import urllib.request

MODELS = 20
VERSIONS = 10
ALIAS = "champion"


def model_name(number: int) -> str:
    """Return the name of a seeded model."""
    return f"bench-{number:02}"


def seed(url: str, *, token: str = "") -> None:
    """Create MODELS models with VERSIONS versions each; the last version is in Production and has the alias."""
    for number in range(MODELS):
        name = model_name(number)
        _call(url, token, "registered-models/create", name=name)
        for version in range(1, VERSIONS + 1):
            _call(url, token, "model-versions/create", name=name, source=f"s3://bench/{name}/{version}")
        last = str(VERSIONS)
        _call(
            *(url, token, "model-versions/transition-stage"),
            name=name,
            version=last,
            stage="Production",
            archive_existing_versions=True,
        )
        _call(url, token, "registered-models/alias", name=name, alias=ALIAS, version=last)


def _call(url: str, token: str, rpc: str, **body: object) -> None:
    request = urllib.request.Request(  # noqa: S310 - http on loopback
        f"{url}/api/2.0/mlflow/{rpc}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}),
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - likewise
        answer.read()

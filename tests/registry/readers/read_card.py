"""Hold one exported card against what its format comes from; runs in .venv-cards: read_card.py mct|sagemaker|cyclonedx
< card.json

`mct` validates against the schema file in the wheel of model-card-toolkit. `sagemaker` loads the card with the class of
the SDK, whose attributes check types, choices and lengths, and prints what that class sends back. `cyclonedx` validates
against the strict schema of ML-BOMs with the formats of addresses, licences and times.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import redirect_stdout
from importlib.metadata import files
from types import SimpleNamespace
from typing import Any


def read_mct(document: dict[str, Any]) -> None:
    from jsonschema import Draft7Validator, FormatChecker  # noqa: PLC0415 - each reader brings its own

    found = [file for file in files("model-card-toolkit") or [] if str(file).endswith("v0.0.2/model_card.schema.json")]
    schema = json.loads(found[0].read_text())
    Draft7Validator(schema, format_checker=FormatChecker()).validate(document)


def read_sagemaker(content: dict[str, Any]) -> None:
    with redirect_stdout(sys.stderr):  # where the SDK logs
        from sagemaker.model_card import ModelCard  # type: ignore[import-not-found]  # noqa: PLC0415 - it is in .venv-cards alone

    answer = {"ModelCardName": "card", "ModelCardStatus": "Draft", "Content": json.dumps(content)}
    client = SimpleNamespace(describe_model_card=lambda **_name: answer)
    card = ModelCard.load("card", sagemaker_session=SimpleNamespace(sagemaker_client=client))
    sent = card._create_request_args()  # what `create` sends
    sys.stdout.write(sent["Content"])


def read_cyclonedx(document: dict[str, Any]) -> None:
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - each reader brings its own
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - each reader brings its own

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    if error is not None:
        raise ValueError(error)


if __name__ == "__main__":
    os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
    try:
        {"mct": read_mct, "sagemaker": read_sagemaker, "cyclonedx": read_cyclonedx}[sys.argv[1]](json.load(sys.stdin))
    except Exception as error:  # noqa: BLE001 - the SDK replaces Python's own way of printing it
        sys.exit(f"{type(error).__name__}: {error}")

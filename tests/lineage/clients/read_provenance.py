"""Reads exported provenance with the library of its standard; runs in .venv-lineage: read_provenance.py FORM <
document.
"""

from __future__ import annotations

import io
import json
import sys


def main(form: str, text: str) -> object:
    """Return what shows that the library understood the document."""
    if form == "prov-json":
        from prov.model import ProvDocument  # noqa: PLC0415 - it is in .venv-lineage alone

        return len(ProvDocument.deserialize(io.StringIO(text), format="json").get_records())
    if form == "in-toto":
        from google.protobuf.json_format import Parse  # noqa: PLC0415 - likewise
        from in_toto_attestation.v1.statement import (  # noqa: PLC0415 - likewise
            Statement,
        )
        from in_toto_attestation.v1.statement_pb2 import (  # noqa: PLC0415 - likewise
            Statement as Message,
        )

        statement = Statement.copy_from_pb(Parse(text, Message()))
        statement.validate()
        return statement.pb.subject[0].name
    from openlineage.client.event_v2 import (  # noqa: PLC0415 - likewise
        InputDataset,
        Job,
        OutputDataset,
        Run,
        RunEvent,
    )

    read = []
    for event in json.loads(text):
        parts = {key: event[key] for key in ("eventType", "eventTime", "producer")}
        job = Job(namespace=event["job"]["namespace"], name=event["job"]["name"])
        inputs = [InputDataset(namespace=one["namespace"], name=one["name"]) for one in event["inputs"]]
        outputs = [OutputDataset(namespace=one["namespace"], name=one["name"]) for one in event["outputs"]]
        made = RunEvent(run=Run(runId=event["run"]["runId"]), job=job, inputs=inputs, outputs=outputs, **parts)
        read.append(made.run.runId.replace("-", ""))
    return read


sys.stdout.write(json.dumps(main(sys.argv[1], sys.stdin.read())))

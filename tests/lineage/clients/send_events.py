"""Sends the life of one run with the client of OpenLineage, which finds the server by OPENLINEAGE_URL and
OPENLINEAGE_API_KEY.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
)
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    dataset_version_dataset,
    schema_dataset,
)

run_id = sys.argv[1]
client = OpenLineageClient()
run, job = Run(runId=run_id), Job(namespace="etl", name="load_orders")
columns = column_lineage_dataset.ColumnLineageDatasetFacet(
    fields={
        "total": column_lineage_dataset.Fields(
            inputFields=[
                column_lineage_dataset.InputField(namespace="postgres://db:5432", name="shop.orders", field="price")
            ]
        )
    }
)
inputs = [
    InputDataset(
        namespace="postgres://db:5432",
        name="shop.orders",
        facets={"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion="v7")},
    )
]
outputs = [
    OutputDataset(
        namespace="s3://lake",
        name="features.parquet",
        facets={
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion="2026-11-01"),
            "schema": schema_dataset.SchemaDatasetFacet(fields=[schema_dataset.SchemaDatasetFacetFields(name="total")]),
            "columnLineage": columns,
        },
    )
]
for state in (RunState.START, RunState.COMPLETE):
    ended = state is RunState.COMPLETE
    client.emit(
        RunEvent(
            eventType=state,
            eventTime=datetime.now(UTC).isoformat(),
            run=run,
            job=job,
            producer="https://example.com/etl",
            inputs=[] if ended else inputs,
            outputs=outputs if ended else [],
        )
    )
client.close()

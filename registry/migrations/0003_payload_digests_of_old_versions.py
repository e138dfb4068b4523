"""Fill the payload digests of versions that were registered before there were any, and the earlier authors of their bytes.

In batches with transactions of their own: who writes meanwhile waits for one batch at most.
"""

import hashlib
import json

from django.db import migrations, transaction

_BATCH = 500
# As tracking/payloads.py had it when this was written.
_WRITTEN_ANEW = {
    "MLmodel", "conda.yaml", "input_example.json", "python_env.yaml", "registered_model_meta", "requirements.txt",
    "serving_input_example.json",
}  # fmt: skip


def _payload_digest(manifest):
    counting = [file for file in manifest if file[0] not in _WRITTEN_ANEW] or manifest
    digests = sorted({sha256 for _, sha256, _ in counting})
    return f"sha256:{hashlib.sha256(json.dumps(digests, separators=(',', ':')).encode()).hexdigest()}" if digests else ""


def fill(apps, schema_editor):
    """Walk the versions by id: first their digests, then who registered or sent the same bytes before each."""
    database = schema_editor.connection.alias
    versions = apps.get_model("registry", "ModelVersion").objects.using(database)
    seals = apps.get_model("tracking", "Seal").objects.using(database)
    last = 0
    while rows := list(versions.filter(pk__gt=last).order_by("pk")[:_BATCH]):
        last = rows[-1].pk
        paths = {row.artifact_path for row in rows if row.artifact_path and row.artifact_digest}
        digests = {
            (prefix, digest): _payload_digest(manifest)
            for prefix, digest, manifest in seals.filter(prefix__in=paths).values_list(
                "prefix", "digest", "manifest"
            )
        }
        with transaction.atomic(using=database):
            for row in rows:
                if payload := digests.get((row.artifact_path, row.artifact_digest)):
                    versions.filter(pk=row.pk, payload_digest="").update(payload_digest=payload)
                    _pin_authors(apps, database, row, payload)


def _pin_authors(apps, database, row, payload):
    versions = apps.get_model("registry", "ModelVersion").objects.using(database)
    origin_class = apps.get_model("registry", "PayloadOrigin")
    earlier = list(versions.filter(payload_digest=payload, pk__lt=row.pk).order_by("pk"))
    if not earlier:
        return
    paths = {other.artifact_path for other in earlier}
    runs = {other.run_id for other in earlier} - {"", row.run_id}
    names = {other.created_by for other in earlier}
    seals = apps.get_model("tracking", "Seal").objects.using(database).filter(prefix__in=paths)
    for senders in seals.values_list("stored_by", flat=True):
        names |= set(senders)
    made = apps.get_model("tracking", "Run").objects.using(database).filter(pk__in=runs)
    names |= set(made.values_list("created_by", flat=True))
    origin_class.objects.using(database).bulk_create(
        [
            *(origin_class(version=row, kind="author", name=name) for name in sorted(names - {"", row.created_by})),
            *(origin_class(version=row, kind="run", name=name) for name in sorted(runs)),
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('registry', '0002_versions_have_a_payload_digest'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]

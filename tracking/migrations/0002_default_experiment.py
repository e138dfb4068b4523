"""Experiment 0, "Default": where a client that set no experiment logs its runs."""

import time

from django.db import migrations


def create_default(apps, schema_editor):
    # Ids given by the database start at 1, on PostgreSQL and SQLite alike, so 0 never collides.
    now = int(time.time() * 1000)
    apps.get_model("tracking", "Experiment").objects.using(schema_editor.connection.alias).get_or_create(
        id=0,
        defaults={"name": "Default", "artifact_location": "mlflow-artifacts:/0", "created_ms": now, "updated_ms": now},
    )


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial")]
    operations = [migrations.RunPython(create_default, migrations.RunPython.noop)]

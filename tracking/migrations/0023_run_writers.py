"""Who besides its creator logged to a run: what a run says is evidence. Written once; earlier ones are read off the events."""

import django.db.models.deletion
from django.db import migrations, models

_TABLE = "tracking_runwriter"


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            schema_editor.execute(
                f"CREATE TRIGGER {_TABLE}_no_{verb.lower()} BEFORE {verb} ON {_TABLE} "
                f"BEGIN SELECT RAISE(ABORT, '{_TABLE} is append-only'); END"
            )
        return
    schema_editor.execute(
        f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE ON {_TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
    )


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER {_TABLE}_no_{verb}")
        return
    schema_editor.execute(f"DROP TRIGGER {_TABLE}_append_only ON {_TABLE}")


def name_writers(apps, schema_editor):
    schema_editor.execute(
        f"INSERT INTO {_TABLE} (run_id, name) SELECT DISTINCT r.id, e.actor_name FROM tracking_run r "
        "JOIN audit_event e ON e.object_ref = 'run:' || r.id WHERE e.outcome = 'ok' AND e.actor_name <> r.created_by "
        "AND e.action LIKE 'tracking.%' AND (e.actor_ref LIKE 'user:%' OR e.actor_ref LIKE 'service:%')",
        params=None,
    )


class Migration(migrations.Migration):
    dependencies = [("tracking", "0022_senders"), ("audit", "0002_append_only")]
    operations = [
        migrations.CreateModel(
            name="RunWriter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=150)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="writers",
                        to="tracking.run",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.AddConstraint(
            "runwriter", models.UniqueConstraint(fields=["run", "name"], name="tracking_runwriter_once")
        ),
        migrations.RunPython(name_writers, migrations.RunPython.noop),
        migrations.RunPython(forbid, allow),
    ]

"""What a comment said before an edit, whole: an event carries long text as its digest only. Written once."""

import django.db.models.deletion
from django.db import migrations, models

_TABLE = "approvals_formerwords"


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


class Migration(migrations.Migration):
    dependencies = [("approvals", "0050_override_withdrawals"), ("audit", "0002_append_only")]
    operations = [
        migrations.CreateModel(
            name="FormerWords",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField()),
                ("said_until", models.DateTimeField()),
                (
                    "comment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="former_words",
                        to="approvals.approvalcomment",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.RunPython(forbid, allow),
    ]

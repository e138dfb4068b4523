"""Events cannot be changed or deleted, whoever asks the database.

PostgreSQL: row triggers only. A TRUNCATE trigger would also stop the flush between tests; in production the server's role
simply has no TRUNCATE privilege. SQLite: a migration that rebuilds audit_event (AlterField, AddConstraint …) drops the
triggers with the old table, and must create them again; tests/audit/test_append_only.py notices one that does not.
"""

from django.db import migrations

_TABLE = "audit_event"


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            schema_editor.execute(
                f"CREATE TRIGGER {_TABLE}_no_{verb.lower()} BEFORE {verb} ON {_TABLE} "
                f"BEGIN SELECT RAISE(ABORT, '{_TABLE} is append-only'); END"
            )
        return
    schema_editor.execute(
        "CREATE FUNCTION custody_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$",
        params=None,  # a % in the message is not a placeholder
    )
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
    schema_editor.execute("DROP FUNCTION custody_append_only()")


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(forbid, allow)]

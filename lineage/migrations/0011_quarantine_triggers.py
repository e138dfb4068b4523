"""A quarantine is placed once and released once; it is never deleted and nothing else of it changes.

SQLite: a migration that rebuilds the table drops its triggers and must create them again
(tests/lineage/test_append_only.py notices one that does not). PostgreSQL: TRUNCATE is a matter of privileges.
"""

from django.db import migrations

_TABLE = "lineage_quarantine"
_KEPT = ("id", "node_id", "reason", "placed_by", "placed_at")
_MESSAGE = f"{_TABLE} is append-only but for one release"


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        wrong = " OR ".join(["OLD.released_at IS NOT NULL", *(f"NEW.{name} IS NOT OLD.{name}" for name in _KEPT)])
        schema_editor.execute(
            f"CREATE TRIGGER {_TABLE}_no_delete BEFORE DELETE ON {_TABLE} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        )
        schema_editor.execute(
            f"CREATE TRIGGER {_TABLE}_no_update BEFORE UPDATE ON {_TABLE} WHEN {wrong} "
            f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        )
        return
    wrong = " OR ".join(
        ["OLD.released_at IS NOT NULL", *(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in _KEPT)]
    )
    schema_editor.execute(
        "CREATE FUNCTION custody_quarantine_once() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF TG_OP = 'DELETE' THEN RAISE EXCEPTION '{_MESSAGE}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        f"IF {wrong} THEN RAISE EXCEPTION '{_MESSAGE}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
    )
    schema_editor.execute(
        f"CREATE TRIGGER {_TABLE}_once BEFORE UPDATE OR DELETE ON {_TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION custody_quarantine_once()"
    )


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER {_TABLE}_no_{verb}")
        return
    schema_editor.execute(f"DROP TRIGGER {_TABLE}_once ON {_TABLE}")
    schema_editor.execute("DROP FUNCTION custody_quarantine_once()")


class Migration(migrations.Migration):
    dependencies = [("lineage", "0010_quarantine"), ("audit", "0002_append_only")]
    operations = [migrations.RunPython(forbid, allow)]

"""Evidence files and posted results are written once; a key for results is revoked once and otherwise stays as it was added.

SQLite: a migration that rebuilds one of these tables drops its triggers and must create them again
(tests/approvals/test_database_guards.py notices one that does not). PostgreSQL: TRUNCATE is a matter of privileges.
"""

from django.db import migrations

_FROZEN = ("approvals_checkevidence", "approvals_externalresult")
_KEY = "approvals_checkkey"
_KEPT = ("id", "name", "public_key", "note", "added_by", "added_at")
_MESSAGE = f"{_KEY} is append-only but for one revocation"


def _changed(column):
    return f"NEW.{column} IS NOT OLD.{column}"


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        _forbid_sqlite(schema_editor)
    else:
        _forbid_postgresql(schema_editor)


def _forbid_sqlite(editor):
    for table in _FROZEN:
        for verb in ("UPDATE", "DELETE"):
            editor.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    editor.execute(
        f"CREATE TRIGGER {_KEY}_no_delete BEFORE DELETE ON {_KEY} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
    )
    wrong = " OR ".join(["OLD.revoked_at IS NOT NULL", *(_changed(column) for column in _KEPT)])
    editor.execute(
        f"CREATE TRIGGER {_KEY}_no_update BEFORE UPDATE ON {_KEY} WHEN {wrong} "
        f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
    )


def _forbid_postgresql(editor):
    for table in _FROZEN:
        editor.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
        )
    wrong = " OR ".join(
        ["OLD.revoked_at IS NOT NULL", *(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in _KEPT)]
    )
    editor.execute(
        "CREATE FUNCTION custody_key_revoked_once() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF TG_OP = 'DELETE' THEN RAISE EXCEPTION '{_MESSAGE}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        f"IF {wrong} THEN RAISE EXCEPTION '{_MESSAGE}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
    )
    editor.execute(
        f"CREATE TRIGGER {_KEY}_revoked_once BEFORE UPDATE OR DELETE ON {_KEY} "
        "FOR EACH ROW EXECUTE FUNCTION custody_key_revoked_once()"
    )


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for table in (*_FROZEN, _KEY):
            for verb in ("update", "delete"):
                schema_editor.execute(f"DROP TRIGGER {table}_no_{verb}")
        return
    for table in _FROZEN:
        schema_editor.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    schema_editor.execute(f"DROP TRIGGER {_KEY}_revoked_once ON {_KEY}")
    schema_editor.execute("DROP FUNCTION custody_key_revoked_once()")


class Migration(migrations.Migration):
    dependencies = [("approvals", "0010_evidence_and_external"), ("audit", "0002_append_only")]
    operations = [migrations.RunPython(forbid, allow)]

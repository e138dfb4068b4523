"""A finding and a post-review are closed once and never deleted, and what they say of their subject never changes.

A re-review is written once. The database holds this whatever the code does.
"""

from django.db import migrations

_FINDING = ("model_id", "version_id", "severity", "title", "description", "origin", "cause", "opened_by", "opened_at")
_POST_REVIEW = ("request_id", "requester_id", "broken_at", "due_at")
_CLOSED = {"approvals_finding": "OLD.closed_at IS NOT NULL", "approvals_postreview": "OLD.completed_at IS NOT NULL"}
_FIXED = {"approvals_finding": _FINDING, "approvals_postreview": _POST_REVIEW}
_APPEND_ONLY = "approvals_rereview"


def _changed(table, is_not):
    return " OR ".join([_CLOSED[table], *(f"NEW.{column} {is_not} OLD.{column}" for column in _FIXED[table])])


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        _forbid_sqlite(schema_editor)
    else:
        _forbid_postgresql(schema_editor)


def _forbid_sqlite(editor):
    for verb in ("UPDATE", "DELETE"):
        editor.execute(
            f"CREATE TRIGGER {_APPEND_ONLY}_no_{verb.lower()} BEFORE {verb} ON {_APPEND_ONLY} "
            f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY} is append-only'); END"
        )
    for table in _FIXED:
        editor.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows are never deleted'); END"
        )
        editor.execute(
            f"CREATE TRIGGER {table}_closed_once BEFORE UPDATE ON {table} WHEN {_changed(table, 'IS NOT')} "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows are closed once'); END"
        )


def _forbid_postgresql(editor):
    editor.execute(
        f"CREATE TRIGGER {_APPEND_ONLY}_append_only BEFORE UPDATE OR DELETE ON {_APPEND_ONLY} "
        "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
    )
    for table in _FIXED:
        editor.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
        )
        editor.execute(
            f"CREATE FUNCTION custody_{table}_closed_once() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN IF {_changed(table, 'IS DISTINCT FROM')} THEN RAISE EXCEPTION '{table} rows are closed once' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
        )
        editor.execute(
            f"CREATE TRIGGER {table}_closed_once BEFORE UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION custody_{table}_closed_once()"
        )


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER {_APPEND_ONLY}_no_{verb}")
        for table in _FIXED:
            schema_editor.execute(f"DROP TRIGGER {table}_no_delete")
            schema_editor.execute(f"DROP TRIGGER {table}_closed_once")
        return
    schema_editor.execute(f"DROP TRIGGER {_APPEND_ONLY}_append_only ON {_APPEND_ONLY}")
    for table in _FIXED:
        schema_editor.execute(f"DROP TRIGGER {table}_no_delete ON {table}")
        schema_editor.execute(f"DROP TRIGGER {table}_closed_once ON {table}")
        schema_editor.execute(f"DROP FUNCTION custody_{table}_closed_once()")


class Migration(migrations.Migration):
    dependencies = [("approvals", "0040_oversight"), ("audit", "0002_append_only")]
    operations = [migrations.RunPython(forbid, allow)]

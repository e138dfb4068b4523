"""Edges are never changed, and leave the graph only after they have been kept as retracted; witnesses stay as they are.

SQLite: a migration that rebuilds one of these tables drops its triggers and must create them again
(tests/lineage/test_append_only.py notices one that does not). PostgreSQL: TRUNCATE is a matter of privileges.
"""

from django.db import migrations

_FROZEN = ("lineage_assertion", "lineage_edgeassertion", "lineage_retractededge")
_KEPT = "SELECT 1 FROM lineage_retractededge kept WHERE kept.edge_id = OLD.id"


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        _forbid_sqlite(schema_editor)
    else:
        _forbid_postgresql(schema_editor)


def _forbid_sqlite(editor):
    for table in (*_FROZEN, "lineage_edge"):
        _refuse(editor, table, "UPDATE")
    for table in _FROZEN:
        _refuse(editor, table, "DELETE")
    _refuse(editor, "lineage_edge", "DELETE", f"WHEN NOT EXISTS ({_KEPT})")


def _refuse(editor, table, verb, when=""):
    editor.execute(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} FOR EACH ROW {when} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _forbid_postgresql(editor):
    for table in _FROZEN:
        editor.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
        )
    editor.execute(
        "CREATE TRIGGER lineage_edge_no_update BEFORE UPDATE ON lineage_edge "
        "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
    )
    editor.execute(
        "CREATE FUNCTION custody_edge_kept() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF NOT EXISTS ({_KEPT}) THEN "
        "RAISE EXCEPTION 'lineage_edge % was not kept as retracted', OLD.id "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$",
        params=None,  # a % in the message is not a placeholder
    )
    editor.execute(
        "CREATE TRIGGER lineage_edge_kept BEFORE DELETE ON lineage_edge "
        "FOR EACH ROW EXECUTE FUNCTION custody_edge_kept()"
    )


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for table in (*_FROZEN, "lineage_edge"):
            for verb in ("update", "delete"):
                schema_editor.execute(f"DROP TRIGGER {table}_no_{verb}")
        return
    for table in _FROZEN:
        schema_editor.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    schema_editor.execute("DROP TRIGGER lineage_edge_no_update ON lineage_edge")
    schema_editor.execute("DROP TRIGGER lineage_edge_kept ON lineage_edge")
    schema_editor.execute("DROP FUNCTION custody_edge_kept()")


class Migration(migrations.Migration):
    dependencies = [("lineage", "0001_initial"), ("audit", "0002_append_only")]
    operations = [migrations.RunPython(forbid, allow)]

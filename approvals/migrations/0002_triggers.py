"""Reviews and published policy revisions are written once, and nobody reviews their own request: the database says so too.

SQLite: a migration that rebuilds one of these tables drops its triggers and must create them again
(tests/approvals/test_database_guards.py notices one that does not). PostgreSQL: TRUNCATE is a matter of privileges.
"""

from django.db import migrations

_FROZEN = ("approvals_review", "approvals_policyrevision")
_OWN = "SELECT 1 FROM approvals_transitionrequest asked WHERE asked.id = NEW.request_id AND asked.requester_id = NEW.reviewer_id"
_MESSAGE = "a requester cannot review their own request"


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
        f"CREATE TRIGGER approvals_review_not_own BEFORE INSERT ON approvals_review WHEN EXISTS ({_OWN}) "
        f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
    )


def _forbid_postgresql(editor):
    for table in _FROZEN:
        editor.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
        )
    editor.execute(
        "CREATE FUNCTION custody_not_own_request() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF EXISTS ({_OWN}) THEN RAISE EXCEPTION '{_MESSAGE}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
    )
    editor.execute(
        "CREATE TRIGGER approvals_review_not_own BEFORE INSERT ON approvals_review "
        "FOR EACH ROW EXECUTE FUNCTION custody_not_own_request()"
    )


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for table in _FROZEN:
            for verb in ("update", "delete"):
                schema_editor.execute(f"DROP TRIGGER {table}_no_{verb}")
        schema_editor.execute("DROP TRIGGER approvals_review_not_own")
        return
    for table in _FROZEN:
        schema_editor.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    schema_editor.execute("DROP TRIGGER approvals_review_not_own ON approvals_review")
    schema_editor.execute("DROP FUNCTION custody_not_own_request()")


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial"), ("audit", "0002_append_only")]
    operations = [migrations.RunPython(forbid, allow)]

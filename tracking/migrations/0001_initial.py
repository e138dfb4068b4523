import time

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from core.database_guards import AppendOnly, VendorStatements

_DROP_FOREIGN_KEY = """
DO $$ DECLARE found text; BEGIN
    SELECT conname INTO found FROM pg_constraint
        WHERE conrelid = 'tracking_metric'::regclass AND confrelid = 'tracking_run'::regclass AND contype = 'f';
    IF found IS NOT NULL THEN EXECUTE format('ALTER TABLE tracking_metric DROP CONSTRAINT %I', found); END IF;
END $$
"""
_ADD_FOREIGN_KEY = """
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
_POINT_TRIGGERS = [
    "CREATE TRIGGER tracking_metric_inserted AFTER INSERT ON tracking_metric REFERENCING NEW TABLE AS written "
    "FOR EACH STATEMENT EXECUTE FUNCTION tracking_values_have_runs()",
    "CREATE TRIGGER tracking_metric_updated AFTER UPDATE ON tracking_metric REFERENCING NEW TABLE AS written "
    "FOR EACH STATEMENT EXECUTE FUNCTION tracking_values_have_runs()",
    "CREATE TRIGGER tracking_run_deleted AFTER DELETE ON tracking_run "
    "FOR EACH ROW EXECUTE FUNCTION tracking_runs_keep_values()",
    "CREATE TRIGGER tracking_run_renamed AFTER UPDATE OF id ON tracking_run "
    "FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION tracking_runs_keep_values()",
]


def create_default(apps, schema_editor):
    """Create experiment 0, "Default": where a client that set no experiment logs its runs."""
    # Ids given by the database start at 1, on PostgreSQL and SQLite alike, so 0 never collides.
    now = int(time.time() * 1000)
    apps.get_model("tracking", "Experiment").objects.using(schema_editor.connection.alias).get_or_create(
        id=0,
        defaults={"name": "Default", "artifact_location": "mlflow-artifacts:/0", "created_ms": now, "updated_ms": now},
    )


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Artifact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.CharField(max_length=1000, unique=True)),
                ('parent', models.CharField(db_index=True, max_length=1000)),
                ('sha256', models.CharField(db_index=True, max_length=64)),
                ('size', models.BigIntegerField()),
                ('stored_at', models.DateTimeField(auto_now=True)),
                ('stored_by', models.CharField(blank=True, default='', max_length=150)),
            ],
        ),
        migrations.CreateModel(
            name='Experiment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=500, unique=True)),
                ('artifact_location', models.CharField(blank=True, default='', max_length=1000)),
                ('lifecycle_stage', models.CharField(choices=[('active', 'Active'), ('deleted', 'Deleted')], default='active', max_length=8)),
                ('created_ms', models.BigIntegerField()),
                ('updated_ms', models.BigIntegerField()),
                ('created_by', models.CharField(blank=True, default='', max_length=150)),
            ],
        ),
        migrations.CreateModel(
            name='MultipartUpload',
            fields=[
                ('id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('path', models.CharField(max_length=1000)),
                ('key', models.CharField(max_length=1100)),
                ('store_upload_id', models.TextField()),
                ('parts', models.IntegerField()),
                ('created_at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('created_by', models.CharField(max_length=150)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('sha256', models.CharField(blank=True, default='', max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('prefix', models.CharField(max_length=1000, unique=True)),
                ('digest', models.CharField(max_length=80)),
                ('manifest', models.JSONField(default=list)),
                ('stored_by', models.JSONField(default=list)),
                ('reason', models.CharField(max_length=700)),
                ('sealed_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='Dataset',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=500)),
                ('digest', models.CharField(max_length=36)),
                ('source_type', models.CharField(max_length=36)),
                ('source', models.TextField()),
                ('schema', models.TextField(blank=True, default='')),
                ('profile', models.TextField(blank=True, default='')),
                ('experiment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='datasets', to='tracking.experiment')),
            ],
        ),
        migrations.CreateModel(
            name='ExperimentTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=250)),
                ('value', models.TextField()),
                ('experiment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='tracking.experiment')),
            ],
        ),
        migrations.CreateModel(
            name='LoggedModel',
            fields=[
                ('id', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=500)),
                ('model_type', models.CharField(blank=True, default='', max_length=500)),
                ('status', models.CharField(choices=[('LOGGED_MODEL_STATUS_UNSPECIFIED', 'Unspecified'), ('LOGGED_MODEL_PENDING', 'Pending'), ('LOGGED_MODEL_READY', 'Ready'), ('LOGGED_MODEL_UPLOAD_FAILED', 'Upload Failed')], default='LOGGED_MODEL_PENDING', max_length=32)),
                ('lifecycle_stage', models.CharField(choices=[('active', 'Active'), ('deleted', 'Deleted')], default='active', max_length=8)),
                ('created_ms', models.BigIntegerField()),
                ('updated_ms', models.BigIntegerField()),
                ('created_by', models.CharField(blank=True, default='', max_length=150)),
                ('artifact_uri', models.CharField(max_length=1000)),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='logged_models', to='tracking.experiment')),
            ],
        ),
        migrations.CreateModel(
            name='LoggedModelParam',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=250)),
                ('value', models.TextField()),
                ('model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='params', to='tracking.loggedmodel')),
            ],
        ),
        migrations.CreateModel(
            name='LoggedModelTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=250)),
                ('value', models.TextField()),
                ('model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='tracking.loggedmodel')),
            ],
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('name', models.CharField(blank=True, default='', max_length=250)),
                ('user_id', models.CharField(blank=True, default='', max_length=256)),
                ('created_by', models.CharField(blank=True, default='', max_length=150)),
                ('status', models.CharField(choices=[('RUNNING', 'Running'), ('SCHEDULED', 'Scheduled'), ('FINISHED', 'Finished'), ('FAILED', 'Failed'), ('KILLED', 'Killed')], default='RUNNING', max_length=9)),
                ('start_ms', models.BigIntegerField(default=0)),
                ('end_ms', models.BigIntegerField(blank=True, null=True)),
                ('lifecycle_stage', models.CharField(choices=[('active', 'Active'), ('deleted', 'Deleted')], default='active', max_length=8)),
                ('artifact_uri', models.CharField(max_length=1000)),
                ('experiment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='tracking.experiment')),
            ],
        ),
        migrations.CreateModel(
            name='Param',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=250)),
                ('value', models.TextField()),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='params', to='tracking.run')),
            ],
        ),
        migrations.CreateModel(
            name='Metric',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=250)),
                ('value', models.FloatField()),
                ('is_nan', models.BooleanField(default=False)),
                ('timestamp_ms', models.BigIntegerField()),
                ('step', models.BigIntegerField(default=0)),
                ('model_id', models.CharField(blank=True, default='', max_length=40)),
                ('dataset_name', models.CharField(blank=True, default='', max_length=500)),
                ('dataset_digest', models.CharField(blank=True, default='', max_length=64)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='metrics', to='tracking.run')),
            ],
        ),
        migrations.AddField(
            model_name='loggedmodel',
            name='source_run',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='logged_models', to='tracking.run'),
        ),
        migrations.CreateModel(
            name='LatestMetric',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=250)),
                ('value', models.FloatField()),
                ('is_nan', models.BooleanField(default=False)),
                ('timestamp_ms', models.BigIntegerField()),
                ('step', models.BigIntegerField(default=0)),
                ('model_id', models.CharField(blank=True, default='', max_length=40)),
                ('dataset_name', models.CharField(blank=True, default='', max_length=500)),
                ('dataset_digest', models.CharField(blank=True, default='', max_length=64)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='latest_metrics', to='tracking.run')),
            ],
        ),
        migrations.CreateModel(
            name='RunInput',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('context', models.CharField(blank=True, default='', max_length=500)),
                ('tags', models.JSONField(blank=True, default=dict)),
                ('dataset', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='tracking.dataset')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='dataset_inputs', to='tracking.run')),
            ],
        ),
        migrations.CreateModel(
            name='RunModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('direction', models.CharField(choices=[('input', 'input'), ('output', 'output')], max_length=6)),
                ('step', models.BigIntegerField(default=0)),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='run_links', to='tracking.loggedmodel')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='model_links', to='tracking.run')),
            ],
        ),
        migrations.CreateModel(
            name='RunTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=250)),
                ('value', models.TextField()),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='tracking.run')),
            ],
        ),
        migrations.CreateModel(
            name='RunWriter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=150)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='writers', to='tracking.run')),
            ],
        ),
        migrations.AddConstraint(
            model_name='dataset',
            constraint=models.UniqueConstraint(fields=('experiment', 'name', 'digest'), name='tracking_dataset_identity'),
        ),
        migrations.AddConstraint(
            model_name='experimenttag',
            constraint=models.UniqueConstraint(fields=('experiment', 'key'), name='tracking_experimenttag_key'),
        ),
        migrations.AddConstraint(
            model_name='loggedmodelparam',
            constraint=models.UniqueConstraint(fields=('model', 'key'), name='tracking_loggedmodelparam_key'),
        ),
        migrations.AddConstraint(
            model_name='loggedmodeltag',
            constraint=models.UniqueConstraint(fields=('model', 'key'), name='tracking_loggedmodeltag_key'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['experiment', 'lifecycle_stage', '-start_ms', 'id'], name='tracking_run_list'),
        ),
        migrations.AddIndex(
            model_name='param',
            index=models.Index(models.F('key'), django.db.models.functions.text.Substr('value', 1, 100), name='tracking_param_value'),
        ),
        migrations.AddConstraint(
            model_name='param',
            constraint=models.UniqueConstraint(fields=('run', 'key'), name='tracking_param_key'),
        ),
        migrations.AddIndex(
            model_name='metric',
            index=models.Index(condition=models.Q(('model_id', ''), _negated=True), fields=['model_id'], name='tracking_metric_model'),
        ),
        migrations.AddConstraint(
            model_name='metric',
            constraint=models.UniqueConstraint(fields=('run', 'key', 'step', 'timestamp_ms', 'value', 'is_nan', 'model_id'), name='tracking_metric_point'),
        ),
        migrations.AddConstraint(
            model_name='latestmetric',
            constraint=models.UniqueConstraint(fields=('run', 'key'), name='tracking_latestmetric_key'),
        ),
        migrations.AddConstraint(
            model_name='runinput',
            constraint=models.UniqueConstraint(fields=('run', 'dataset'), name='tracking_runinput_pair'),
        ),
        migrations.AddConstraint(
            model_name='runmodel',
            constraint=models.UniqueConstraint(fields=('run', 'model', 'direction'), name='tracking_runmodel_link'),
        ),
        migrations.AddIndex(
            model_name='runtag',
            index=models.Index(models.F('key'), django.db.models.functions.text.Substr('value', 1, 100), name='tracking_runtag_value'),
        ),
        migrations.AddConstraint(
            model_name='runtag',
            constraint=models.UniqueConstraint(fields=('run', 'key'), name='tracking_runtag_key'),
        ),
        migrations.AddConstraint(
            model_name='runwriter',
            constraint=models.UniqueConstraint(fields=('run', 'name'), name='tracking_runwriter_once'),
        ),
        migrations.RunPython(create_default, migrations.RunPython.noop),
        AppendOnly("tracking_runwriter"),
        # PostgreSQL: a statement that inserts metric values asks once whether their runs are there, not once for each value.
        # A foreign key asks for every row: of a batch of a thousand values that was 40 % of the work. The triggers state the
        # same: no value without its run, no run deleted or renamed while it has values, and the run's row is locked meanwhile
        # as a foreign key locks it. SQLite, where asking costs next to nothing, keeps its foreign key.
        VendorStatements(
            postgresql=[_DROP_FOREIGN_KEY, _VALUES_HAVE_RUNS, _RUNS_KEEP_VALUES, *_POINT_TRIGGERS],
            undo_postgresql=[
                "DROP FUNCTION tracking_values_have_runs() CASCADE",
                "DROP FUNCTION tracking_runs_keep_values() CASCADE",
                _ADD_FOREIGN_KEY,
            ],
        ),
    ]

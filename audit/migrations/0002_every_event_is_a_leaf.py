import django.db.models.deletion
from django.db import migrations, models

from core.database_guards import AppendOnly, VendorStatements

# On SQLite an event gets its place in the transaction that writes it; on PostgreSQL the sequencer gives it.
SEQUENCE = """
CREATE TRIGGER audit_event_sequence AFTER INSERT ON audit_event BEGIN
  INSERT INTO audit_leaf (log, seq, event_id, stream, gen)
  SELECT current.log, COALESCE((SELECT max(seq) + 1 FROM audit_leaf WHERE log = current.log), 0), NEW.id, NEW.stream,
         CASE WHEN NEW.stream <> '' THEN
           COALESCE((SELECT max(gen) FROM audit_leaf WHERE stream = NEW.stream AND log = current.log), 0) + 1
         END
  FROM (SELECT COALESCE((SELECT max(number) FROM audit_log), 1) AS log) current;
END
"""
PLACES = """
INSERT INTO audit_leaf (log, seq, event_id, stream, gen)
SELECT 1, row_number() OVER (ORDER BY id) - 1, id, stream,
       CASE WHEN stream <> '' THEN row_number() OVER (PARTITION BY stream ORDER BY id) END
FROM audit_event ORDER BY id
"""


def refuse(verb):
    name = f"audit_event_no_{verb.lower()}"
    return (
        f"CREATE TRIGGER {name} BEFORE {verb} ON audit_event "
        "BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END"
    )


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Log',
            fields=[
                ('number', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('origin', models.CharField(max_length=200)),
                ('size', models.BigIntegerField(default=0)),
                ('root', models.CharField(max_length=64)),
                ('scanned', models.BigIntegerField(default=0)),
                ('problem', models.CharField(blank=True, default='', max_length=500)),
                ('checked_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(model_name='event', name='audit_event_stream_gen'),
        migrations.RemoveIndex(model_name='event', name='audit_event_at'),
        migrations.RemoveField(model_name='event', name='gen'),
        migrations.RemoveField(model_name='event', name='leaf_hash'),
        migrations.DeleteModel(name='Stream'),
        migrations.AddIndex(
            model_name='event', index=models.Index(fields=['at', 'id'], name='audit_event_at')
        ),
        migrations.AddIndex(
            model_name='event', index=models.Index(fields=['stream', 'id'], name='audit_event_stream')
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(
                condition=models.Q(('outcome', 'denied')), fields=['id'], name='audit_event_denied'
            ),
        ),
        migrations.CreateModel(
            name='Leaf',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('log', models.PositiveSmallIntegerField()),
                ('seq', models.BigIntegerField()),
                ('event', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='leaves', to='audit.event')),
                ('stream', models.CharField(blank=True, default='', max_length=100)),
                ('gen', models.BigIntegerField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('log', 'seq'), name='audit_leaf_seq'), models.UniqueConstraint(fields=('event', 'log'), name='audit_leaf_event'), models.UniqueConstraint(fields=('stream', 'log', 'gen'), name='audit_leaf_stream_gen')],
            },
        ),
        AppendOnly("audit_leaf"),
        # SQLite made the table of events anew above, without its triggers.
        VendorStatements(
            sqlite=[*map(refuse, ("UPDATE", "DELETE")), PLACES, SEQUENCE],
            undo_sqlite=["DROP TRIGGER audit_event_sequence", *(f"DROP TRIGGER audit_event_no_{verb}" for verb in ("update", "delete"))],
        ),
    ]

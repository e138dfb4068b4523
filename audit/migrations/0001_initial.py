import django.db.models.deletion
import uuid
from django.db import migrations, models

from core.database_guards import AppendOnly


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Stream',
            fields=[
                ('key', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('gen', models.BigIntegerField(default=0)),
                ('head', models.CharField(default='', max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_id', models.UUIDField(default=uuid.uuid4, unique=True)),
                ('body', models.BinaryField()),
                ('leaf_hash', models.CharField(max_length=64)),
                ('at', models.DateTimeField()),
                ('action', models.CharField(max_length=64)),
                ('outcome', models.CharField(max_length=8)),
                ('actor_ref', models.CharField(max_length=100)),
                ('actor_name', models.CharField(max_length=150)),
                ('object_ref', models.CharField(max_length=600)),
                ('stream', models.CharField(blank=True, default='', max_length=100)),
                ('gen', models.BigIntegerField(null=True)),
                ('request_id', models.CharField(blank=True, default='', max_length=64)),
            ],
            options={
                'indexes': [models.Index(fields=['-at', '-id'], name='audit_event_at'), models.Index(fields=['object_ref', 'id'], name='audit_event_object'), models.Index(fields=['actor_name', 'id'], name='audit_event_actor'), models.Index(fields=['action', 'id'], name='audit_event_action')],
                'constraints': [models.UniqueConstraint(fields=('stream', 'gen'), name='audit_event_stream_gen'), models.CheckConstraint(condition=models.Q(('outcome__in', ['ok', 'denied'])), name='audit_event_outcome')],
            },
        ),
        migrations.CreateModel(
            name='OutboxMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('task', models.CharField(max_length=100)),
                ('kwargs', models.JSONField(default=dict)),
                ('queue', models.CharField(default='fast', max_length=32)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('last_error', models.TextField(blank=True, default='')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('delivered_at__isnull', True)), fields=['id'], name='audit_outbox_open')],
            },
        ),
        migrations.CreateModel(
            name='MissedEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('consumer', models.CharField(max_length=200)),
                ('error', models.CharField(max_length=1000)),
                ('attempts', models.PositiveIntegerField(default=1)),
                ('next_attempt_at', models.DateTimeField()),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.event')),
            ],
            options={
                'indexes': [models.Index(fields=['next_attempt_at'], name='audit_missed_due')],
            },
        ),
        AppendOnly("audit_event"),
    ]

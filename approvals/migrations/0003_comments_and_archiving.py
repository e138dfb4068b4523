"""Comments, what a person was shown, and requests that leave archiving to the approver.

SQLite rebuilds the table of requests for its new column and cannot rename it while a trigger speaks of it: that trigger
(0002) is taken off before and put back after, as it was.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_TRIGGER = (
    "CREATE TRIGGER approvals_review_not_own BEFORE INSERT ON approvals_review WHEN EXISTS ("
    "SELECT 1 FROM approvals_transitionrequest asked WHERE asked.id = NEW.request_id AND asked.requester_id = NEW.reviewer_id"
    ") BEGIN SELECT RAISE(ABORT, 'a requester cannot review their own request'); END"
)


def take_off(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER approvals_review_not_own")


def put_back(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(_TRIGGER)


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0002_triggers'),
        ('registry', '0003_version_permissions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(take_off, put_back),
        migrations.AddField(
            model_name='transitionrequest',
            name='archive_left_open',
            field=models.BooleanField(default=False),
        ),
        migrations.RunPython(put_back, take_off),
        migrations.CreateModel(
            name='ApprovalComment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('created_at', models.DateTimeField()),
                ('edited_at', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='registry.modelversion')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='approvals_comment_has_text')],
            },
        ),
        migrations.CreateModel(
            name='ShownSubject',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject_digest', models.CharField(max_length=64)),
                ('shown_at', models.DateTimeField(auto_now=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('request', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='approvals.transitionrequest')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('request', 'person'), name='approvals_shown_once')],
            },
        ),
    ]

"""Requests for aliases, rollbacks and emergencies; reviews that name their parts, delegations and signatures; overrides.

SQLite rebuilds the tables of requests and reviews, which drops the triggers on reviews (0002): they are taken off before and
put back after, as they were. Overrides are append-only from the start.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


_FROZEN = "approvals_review"
_OVERRIDE = "approvals_override"
_NOT_OWN = (
    "CREATE TRIGGER approvals_review_not_own BEFORE INSERT ON approvals_review WHEN EXISTS ("
    "SELECT 1 FROM approvals_transitionrequest asked WHERE asked.id = NEW.request_id AND asked.requester_id = NEW.reviewer_id"
    ") BEGIN SELECT RAISE(ABORT, 'a requester cannot review their own request'); END"
)


def _freeze(editor, table):
    for verb in ("UPDATE", "DELETE"):
        editor.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def take_off(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for name in ("no_update", "no_delete", "not_own"):
            schema_editor.execute(f"DROP TRIGGER {_FROZEN}_{name}")


def put_back(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        _freeze(schema_editor, _FROZEN)
        schema_editor.execute(_NOT_OWN)


def freeze_overrides(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        _freeze(schema_editor, _OVERRIDE)
        return
    schema_editor.execute(
        f"CREATE TRIGGER {_OVERRIDE}_append_only BEFORE UPDATE OR DELETE ON {_OVERRIDE} "
        "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
    )


def thaw_overrides(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER {_OVERRIDE}_no_{verb}")
        return
    schema_editor.execute(f"DROP TRIGGER {_OVERRIDE}_append_only ON {_OVERRIDE}")


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0003_comments_and_archiving'),
        ('registry', '0010_risk_assessment'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(take_off, put_back),
        migrations.CreateModel(
            name='Override',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=110)),
                ('reason', models.TextField()),
                ('subject_digest', models.CharField(max_length=64)),
                ('given_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='review',
            name='approvals_review_decision',
        ),
        migrations.AddField(
            model_name='review',
            name='meaning',
            field=models.CharField(blank=True, default='', max_length=200),
        ),
        migrations.AddField(
            model_name='review',
            name='on_behalf_of',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='review',
            name='printed_name',
            field=models.CharField(blank=True, default='', max_length=300),
        ),
        migrations.AddField(
            model_name='review',
            name='signed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='review',
            name='subject_parts',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='transitionrequest',
            name='apply_after',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='transitionrequest',
            name='followed_revision',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='approvals.policyrevision'),
        ),
        migrations.AddField(
            model_name='transitionrequest',
            name='kind',
            field=models.CharField(choices=[('promotion', 'PROMOTION'), ('rollback', 'ROLLBACK'), ('break_glass', 'BREAK_GLASS')], default='promotion', max_length=11),
        ),
        migrations.AlterField(
            model_name='checkrun',
            name='rule',
            field=models.CharField(max_length=110),
        ),
        migrations.AlterField(
            model_name='policy',
            name='target',
            field=models.CharField(max_length=256),
        ),
        migrations.AlterField(
            model_name='review',
            name='decision',
            field=models.CharField(choices=[('approve', 'Approve'), ('reject', 'Reject'), ('request_changes', 'Request Changes')], max_length=15),
        ),
        migrations.AlterField(
            model_name='transitionrequest',
            name='target',
            field=models.CharField(max_length=256),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('decision__in', ['approve', 'reject', 'request_changes'])), name='approvals_review_decision'),
        ),
        migrations.AddConstraint(
            model_name='transitionrequest',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['promotion', 'rollback', 'break_glass'])), name='approvals_request_kind'),
        ),
        migrations.AddField(
            model_name='override',
            name='given_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='override',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='overrides', to='approvals.transitionrequest'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='approvals_override_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.UniqueConstraint(fields=('request', 'rule', 'given_by', 'subject_digest'), name='approvals_override_once'),
        ),
        migrations.RunPython(put_back, take_off),
        migrations.RunPython(freeze_overrides, thaw_overrides),
    ]

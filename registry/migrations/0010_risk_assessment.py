"""Risk assessments: the answers to the questionnaire, written once (see 0002_append_only_cards for the form of the triggers)."""

import django.db.models.deletion
from django.db import migrations, models


_TABLE = "registry_riskassessment"


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            schema_editor.execute(
                f"CREATE TRIGGER {_TABLE}_no_{verb.lower()} BEFORE {verb} ON {_TABLE} "
                f"BEGIN SELECT RAISE(ABORT, '{_TABLE} is append-only'); END"
            )
        return
    schema_editor.execute(
        f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE ON {_TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
    )


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER {_TABLE}_no_{verb}")
        return
    schema_editor.execute(f"DROP TRIGGER {_TABLE}_append_only ON {_TABLE}")


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_append_only'),
        ('registry', '0003_version_permissions'),
    ]

    operations = [
        migrations.CreateModel(
            name='RiskAssessment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('questionnaire', models.PositiveIntegerField()),
                ('answers', models.JSONField()),
                ('score', models.PositiveIntegerField()),
                ('tier', models.CharField(max_length=20)),
                ('reasons', models.JSONField()),
                ('rationale', models.TextField(blank=True, default='')),
                ('author', models.CharField(max_length=150)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='risk_assessments', to='registry.registeredmodel')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('model', 'number'), name='registry_risk_number'), models.CheckConstraint(condition=models.Q(('number__gte', 1)), name='registry_risk_from_one'), models.CheckConstraint(condition=models.Q(('tier__in', ('minimal', 'limited', 'high', 'unacceptable'))), name='registry_risk_tier')],
            },
        ),
        migrations.RunPython(forbid, allow),
    ]

"""Conformity packs and what they were ordered for, written once (see 0002_append_only_cards for the form of the triggers)."""

import django.db.models.deletion
from django.db import migrations, models

_TABLES = ("registry_packorder", "registry_frozenpack")


def forbid(apps, schema_editor):
    for table in _TABLES:
        if schema_editor.connection.vendor == "sqlite":
            for verb in ("UPDATE", "DELETE"):
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        else:
            schema_editor.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
            )


def allow(apps, schema_editor):
    for table in _TABLES:
        if schema_editor.connection.vendor == "sqlite":
            for verb in ("update", "delete"):
                schema_editor.execute(f"DROP TRIGGER {table}_no_{verb}")
        else:
            schema_editor.execute(f"DROP TRIGGER {table}_append_only ON {table}")


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_append_only'),
        ('registry', '0030_review_due'),
    ]

    operations = [
        migrations.CreateModel(
            name='PackOrder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('event_id', models.UUIDField(unique=True)),
                ('promoted_at', models.DateTimeField()),
                ('pinned', models.JSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='pack_orders', to='registry.modelversion')),
            ],
        ),
        migrations.CreateModel(
            name='FrozenPack',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(db_index=True, max_length=64)),
                ('size', models.PositiveBigIntegerField()),
                ('manifest', models.JSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='frozen', to='registry.packorder')),
            ],
        ),
        migrations.AddConstraint(
            model_name='packorder',
            constraint=models.UniqueConstraint(fields=('version', 'number'), name='registry_pack_number'),
        ),
        migrations.AddConstraint(
            model_name='frozenpack',
            constraint=models.CheckConstraint(condition=models.Q(('size__gt', 0)), name='registry_pack_has_bytes'),
        ),
        migrations.RunPython(forbid, allow),
    ]

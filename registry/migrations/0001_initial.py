import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.database_guards import AppendOnly


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='ModelVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('stage', models.CharField(choices=[('None', 'None'), ('Staging', 'Staging'), ('Production', 'Production'), ('Archived', 'Archived')], default='None', max_length=10)),
                ('is_current', models.BooleanField(default=False)),
                ('description', models.TextField(blank=True, default='')),
                ('source', models.CharField(max_length=1000)),
                ('run_id', models.CharField(blank=True, db_index=True, default='', max_length=32)),
                ('run_link', models.CharField(blank=True, default='', max_length=1000)),
                ('logged_model_id', models.CharField(blank=True, default='', max_length=40)),
                ('artifact_path', models.CharField(blank=True, default='', max_length=1000)),
                ('artifact_digest', models.CharField(blank=True, default='', max_length=80)),
                ('created_by', models.CharField(blank=True, default='', max_length=150)),
                ('created_ms', models.BigIntegerField()),
                ('updated_ms', models.BigIntegerField()),
                ('staged_by', models.CharField(blank=True, default='', max_length=150)),
                ('staged_at', models.DateTimeField(blank=True, null=True)),
                ('approved_by', models.CharField(blank=True, default='', max_length=500)),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('superseded_at', models.DateTimeField(blank=True, null=True)),
                ('archive_after', models.DateTimeField(blank=True, null=True)),
                ('review_due_at', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('copied_from', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='registry.modelversion')),
                ('superseded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='supersedes', to='registry.modelversion')),
            ],
        ),
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
        migrations.CreateModel(
            name='RegisteredModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=256)),
                ('name_key', models.CharField(max_length=256)),
                ('description', models.TextField(blank=True, default='')),
                ('created_by', models.CharField(blank=True, default='', max_length=150)),
                ('created_ms', models.BigIntegerField()),
                ('updated_ms', models.BigIntegerField()),
                ('last_version', models.PositiveIntegerField(default=0)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['name'],
                'permissions': [('edit_model', 'Can log to and edit this model'), ('manage_staging_versions', "Can move this model's versions outside Production"), ('manage_production_versions', "Can move this model's versions between any stages"), ('manage_model', 'Can manage this model')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('deleted_at__isnull', True)), fields=('name',), name='registry_model_name'), models.UniqueConstraint(condition=models.Q(('deleted_at__isnull', True)), fields=('name_key',), name='registry_model_name_key')],
            },
        ),
        migrations.AddField(
            model_name='modelversion',
            name='model',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='registry.registeredmodel'),
        ),
        migrations.CreateModel(
            name='ModelUserGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('permission', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='auth.permission')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='registry.registeredmodel')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ModelGroupGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='auth.group')),
                ('permission', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='auth.permission')),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='registry.registeredmodel')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Alias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='registry.modelversion')),
                ('model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='registry.registeredmodel')),
            ],
            options={
                'verbose_name_plural': 'aliases',
            },
        ),
        migrations.CreateModel(
            name='RegisteredModelTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=250)),
                ('value', models.TextField()),
                ('model', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='registry.registeredmodel')),
            ],
        ),
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
        ),
        migrations.CreateModel(
            name='Deployment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('revision', models.CharField(blank=True, default='', max_length=100)),
                ('traffic_percent', models.PositiveSmallIntegerField(default=100)),
                ('environment', models.CharField(blank=True, default='', max_length=100)),
                ('deployed_by', models.CharField(max_length=150)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='registry.endpoint')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='registry.modelversion')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['endpoint', 'environment'], name='registry_deployment_live')],
                'constraints': [models.UniqueConstraint(fields=('endpoint', 'number'), name='registry_deployment_number'), models.CheckConstraint(condition=models.Q(('traffic_percent__lte', 100)), name='registry_deployment_traffic')],
            },
        ),
        migrations.CreateModel(
            name='CardRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('body', models.JSONField()),
                ('digest', models.CharField(max_length=64)),
                ('author', models.CharField(max_length=150)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='card_revisions', to='registry.modelversion')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('version', 'number'), name='registry_card_number')],
            },
        ),
        migrations.CreateModel(
            name='ModelVersionTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=250)),
                ('value', models.TextField()),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='registry.modelversion')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('version', 'key'), name='registry_versiontag_key')],
            },
        ),
        migrations.AddConstraint(
            model_name='packorder',
            constraint=models.UniqueConstraint(fields=('version', 'number'), name='registry_pack_number'),
        ),
        migrations.AddConstraint(
            model_name='frozenpack',
            constraint=models.CheckConstraint(condition=models.Q(('size__gt', 0)), name='registry_pack_has_bytes'),
        ),
        migrations.AddIndex(
            model_name='modelversion',
            index=models.Index(fields=['model', 'stage', '-version'], name='registry_version_stage_idx'),
        ),
        migrations.AddIndex(
            model_name='modelversion',
            index=models.Index(condition=models.Q(('archive_after__isnull', False)), fields=['archive_after'], name='registry_version_due'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.UniqueConstraint(fields=('model', 'version'), name='registry_version_number'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.UniqueConstraint(condition=models.Q(('is_current', True)), fields=('model',), name='registry_one_current'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.CheckConstraint(condition=models.Q(('is_current', False), ('stage', 'Production'), _connector='OR'), name='registry_current_is_production'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ['None', 'Staging', 'Production', 'Archived'])), name='registry_version_stage'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.CheckConstraint(condition=models.Q(('superseded_by', models.F('id')), _negated=True), name='registry_not_superseded_by_self'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('superseded_at__isnull', True), ('superseded_by__isnull', True)), models.Q(('superseded_at__isnull', False), ('superseded_by__isnull', False)), _connector='OR'), name='registry_superseded_whole'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.CheckConstraint(condition=models.Q(('is_current', False), models.Q(('deleted_at__isnull', True), ('superseded_at__isnull', True)), _connector='OR'), name='registry_current_not_superseded'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.CheckConstraint(condition=models.Q(('archive_after__isnull', True), models.Q(('is_current', False), ('stage', 'Production'), ('superseded_at__isnull', False)), _connector='OR'), name='registry_archive_after_superseded'),
        ),
        migrations.AlterUniqueTogether(
            name='modelusergrant',
            unique_together={('user', 'permission', 'content_object')},
        ),
        migrations.AlterUniqueTogether(
            name='modelgroupgrant',
            unique_together={('group', 'permission', 'content_object')},
        ),
        migrations.AddConstraint(
            model_name='alias',
            constraint=models.UniqueConstraint(fields=('model', 'name'), name='registry_alias_name'),
        ),
        migrations.AddConstraint(
            model_name='registeredmodeltag',
            constraint=models.UniqueConstraint(fields=('model', 'key'), name='registry_modeltag_key'),
        ),
        migrations.AddConstraint(
            model_name='riskassessment',
            constraint=models.UniqueConstraint(fields=('model', 'number'), name='registry_risk_number'),
        ),
        migrations.AddConstraint(
            model_name='riskassessment',
            constraint=models.CheckConstraint(condition=models.Q(('number__gte', 1)), name='registry_risk_from_one'),
        ),
        migrations.AddConstraint(
            model_name='riskassessment',
            constraint=models.CheckConstraint(condition=models.Q(('tier__in', ('minimal', 'limited', 'high', 'unacceptable'))), name='registry_risk_tier'),
        ),
        AppendOnly("registry_cardrevision"),
        AppendOnly("registry_riskassessment"),
        AppendOnly("registry_packorder"),
        AppendOnly("registry_frozenpack"),
    ]

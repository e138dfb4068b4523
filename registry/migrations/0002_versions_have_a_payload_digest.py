import django.db.models.deletion
from django.db import migrations, models

from core.database_guards import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0001_initial'),
        ('tracking', '0002_who_sent_a_file_is_kept'),
    ]

    operations = [
        migrations.AddField(
            model_name='modelversion',
            name='payload_digest',
            field=models.CharField(blank=True, default='', max_length=80),
        ),
        migrations.AddIndex(
            model_name='modelversion',
            index=models.Index(condition=models.Q(('payload_digest', ''), _negated=True), fields=['payload_digest'], name='registry_version_payload'),
        ),
        migrations.CreateModel(
            name='PayloadOrigin',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('author', 'author'), ('run', 'run')], max_length=6)),
                ('name', models.CharField(max_length=150)),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='origins', to='registry.modelversion')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('version', 'kind', 'name'), name='registry_payloadorigin_once')],
            },
        ),
        AppendOnly("registry_payloadorigin"),
    ]

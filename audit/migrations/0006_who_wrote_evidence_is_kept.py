from django.db import migrations, models

from core.database_guards import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0005_states_of_siem_receivers'),
    ]

    operations = [
        migrations.CreateModel(
            name='EvidenceWriter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(max_length=100)),
                ('kind', models.CharField(max_length=30)),
                ('detail', models.CharField(blank=True, default='', max_length=250)),
                ('name', models.CharField(max_length=150)),
            ],
            options={
                'indexes': [models.Index(fields=['kind', 'subject'], name='audit_evidencewriter_kind')],
                'constraints': [models.UniqueConstraint(fields=('subject', 'kind', 'detail', 'name'), name='audit_evidencewriter_once')],
            },
        ),
        AppendOnly("audit_evidencewriter"),
    ]

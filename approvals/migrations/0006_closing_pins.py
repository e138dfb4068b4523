import django.db.models.deletion
from django.db import migrations, models

from core.database_guards import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0005_retirements'),
    ]

    operations = [
        migrations.CreateModel(
            name='ClosingPin',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('facts', models.JSONField()),
                ('request', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='closing_pin', to='approvals.transitionrequest')),
            ],
        ),
        AppendOnly("approvals_closingpin"),
    ]

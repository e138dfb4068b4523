import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.database_guards import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_attempt_counts'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=20)),
                ('detail', models.CharField(blank=True, default='', max_length=150)),
                ('made_by', models.CharField(blank=True, default='', max_length=150)),
                ('at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='AccountConfirmation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=1000)),
                ('confirmed_at', models.DateTimeField(auto_now_add=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='confirmations', to=settings.AUTH_USER_MODEL)),
                ('confirmed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('account', models.F('confirmed_by')), _negated=True), name='accounts_confirmation_by_another'),
                    models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='accounts_confirmation_reason'),
                ],
            },
        ),
        AppendOnly("accounts_accountchange"),
        AppendOnly("accounts_accountconfirmation"),
    ]

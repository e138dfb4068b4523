import django.db.models.deletion
from django.db import migrations, models

from core.database_guards import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0001_initial'),
        ('registry', '0003_payload_digests_of_old_versions'),
    ]

    operations = [
        migrations.CreateModel(
            name='PromotionPin',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target', models.CharField(max_length=256)),
                ('event_id', models.UUIDField(unique=True)),
                ('facts', models.JSONField()),
                ('pinned_at', models.DateTimeField(auto_now_add=True)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pins', to='registry.modelversion')),
            ],
        ),
        AppendOnly("approvals_promotionpin"),
    ]

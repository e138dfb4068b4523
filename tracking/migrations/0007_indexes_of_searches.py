from django.db import migrations, models

from core.concurrent_indexes import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('tracking', '0006_files_of_deleted_versions_are_erased'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='run',
            index=models.Index(fields=['lifecycle_stage', '-start_ms', 'id'], name='tracking_run_newest'),
        ),
    ]

from django.db import migrations, models

from core.concurrent_indexes import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('tracking', '0007_indexes_of_searches'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='latestmetric',
            index=models.Index(condition=models.Q(('is_nan', False)), fields=['key', 'value', 'run'], name='tracking_latestmetric_best'),
        ),
    ]

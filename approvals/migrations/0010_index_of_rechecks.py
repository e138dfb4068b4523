from django.db import migrations, models

from core.concurrent_indexes import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('approvals', '0009_requests_are_rechecked'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='transitionrequest',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['recheck_at'], name='approvals_request_recheck'),
        ),
    ]

from django.db import migrations, models

from core.concurrent_indexes import AddIndexConcurrently, RemoveIndexConcurrently


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('audit', '0008_exports_have_an_annex'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='event', index=models.Index(fields=['object_ref', 'at', 'id'], name='audit_event_object_at')
        ),
        AddIndexConcurrently(
            model_name='event', index=models.Index(fields=['actor_name', 'at', 'id'], name='audit_event_actor_at')
        ),
        AddIndexConcurrently(
            model_name='event', index=models.Index(fields=['action', 'at', 'id'], name='audit_event_action_at')
        ),
        AddIndexConcurrently(
            model_name='event', index=models.Index(fields=['stream', 'at', 'id'], name='audit_event_stream_at')
        ),
        AddIndexConcurrently(
            model_name='event',
            index=models.Index(
                condition=models.Q(('outcome', 'denied')), fields=['at', 'id'], name='audit_event_denied_at'
            ),
        ),
        AddIndexConcurrently(
            model_name='event',
            index=models.Index(
                condition=models.Q(('outcome', 'denied')), fields=['actor_name', 'at', 'id'], name='audit_event_denied_actor'
            ),
        ),
        RemoveIndexConcurrently(model_name='event', name='audit_event_object'),
        RemoveIndexConcurrently(model_name='event', name='audit_event_actor'),
        RemoveIndexConcurrently(model_name='event', name='audit_event_action'),
        RemoveIndexConcurrently(model_name='event', name='audit_event_denied'),
    ]

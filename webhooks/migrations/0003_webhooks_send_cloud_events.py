from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('webhooks', '0002_webhooks_know_their_operator'),
    ]

    operations = [
        migrations.AddField(
            model_name='webhook',
            name='cloud_events',
            field=models.BooleanField(db_default=False, default=False, verbose_name='sent as CloudEvents'),
        ),
        migrations.AddConstraint(
            model_name='webhook',
            constraint=models.CheckConstraint(condition=models.Q(('cloud_events', False), ('format', 'mlflow'), _connector='OR'), name='webhooks_cloud_events_are_mlflows'),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0009_indexes_in_order_of_time'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='trace',
            field=models.CharField(blank=True, db_default='', default='', max_length=55),
        ),
    ]

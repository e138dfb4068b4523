from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0009_indexes_in_order_of_time'),
    ]

    operations = [
        migrations.AddField(
            model_name='exportjob',
            name='identities',
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]

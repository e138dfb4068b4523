from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0013_texts_of_events'),
    ]

    operations = [
        migrations.AddField(
            model_name='exportjob',
            name='parquet',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]

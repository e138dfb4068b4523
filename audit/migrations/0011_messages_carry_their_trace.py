from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0010_exports_say_who_actors_are'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='trace',
            field=models.CharField(blank=True, db_default='', default='', max_length=55),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tracking', '0005_uses_of_datasets'),
    ]

    operations = [
        migrations.AddField(
            model_name='seal',
            name='erased_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0008_passkey_signatures'),
    ]

    operations = [
        migrations.AddField(
            model_name='transitionrequest',
            name='recheck_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]

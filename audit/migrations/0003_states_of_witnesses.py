from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_every_event_is_a_leaf'),
    ]

    operations = [
        migrations.CreateModel(
            name='WitnessState',
            fields=[
                ('address', models.CharField(max_length=500, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('origin', models.CharField(blank=True, default='', max_length=200)),
                ('size', models.BigIntegerField(default=0)),
                ('kept_at', models.DateTimeField(null=True)),
                ('note', models.BinaryField(default=b'')),
                ('problem', models.CharField(blank=True, default='', max_length=500)),
                ('contradicts', models.BooleanField(default=False)),
            ],
        ),
    ]

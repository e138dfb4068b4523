"""Whoever chose how to be told of alarms chose that for versions that leave Production: it was one kind until now."""

from django.db import migrations


def copy_choices(apps, schema_editor):
    rows = apps.get_model("notices", "Preference").objects.using(schema_editor.connection.alias)
    chosen = [
        rows.model(person_id=person, topic="left", channel=channel, wanted=wanted)
        for person, channel, wanted in rows.filter(topic="alarm").values_list("person_id", "channel", "wanted")
    ]
    rows.bulk_create(chosen, ignore_conflicts=True)


class Migration(migrations.Migration):

    dependencies = [
        ('notices', '0003_watches_and_moves'),
    ]

    operations = [
        migrations.RunPython(copy_choices, migrations.RunPython.noop),
    ]

"""A seal says who sent the files under it. Those that are there learn it from the rows of their files, which stay as sealed."""

from django.db import migrations, models


def name_senders(apps, schema_editor):
    seals, files = apps.get_model("tracking", "Seal").objects, apps.get_model("tracking", "Artifact").objects
    for seal in seals.only("pk", "prefix").iterator():
        # as tracking.paths.below: LIKE ignores case on SQLite, and a range follows the collation on PostgreSQL
        below = files.filter(path__gte=f"{seal.prefix}/", path__lt=f"{seal.prefix}0")
        if schema_editor.connection.vendor == "postgresql":
            below = files.filter(path__startswith=f"{seal.prefix}/")
        senders = sorted(set(below.values_list("stored_by", flat=True)) - {""})
        seals.filter(pk=seal.pk).update(stored_by=senders)


class Migration(migrations.Migration):
    dependencies = [("tracking", "0021_points_stand_on_runs")]
    operations = [
        migrations.AddField("seal", "stored_by", models.JSONField(default=list)),
        migrations.RunPython(name_senders, migrations.RunPython.noop),
    ]

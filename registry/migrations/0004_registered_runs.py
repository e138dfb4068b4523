from django.db import migrations, models


def mark_what_versions_were_made_of(apps, schema_editor):
    """Note on runs and logged models that a version was made of them."""
    database = schema_editor.connection.alias
    versions = apps.get_model("registry", "ModelVersion").objects.using(database)
    for model, column in (("Run", "run_id"), ("LoggedModel", "logged_model_id")):
        named = versions.exclude(**{column: ""}).values(column)
        apps.get_model("tracking", model).objects.using(database).filter(pk__in=named).update(is_registered=True)


class Migration(migrations.Migration):

    dependencies = [
        ("registry", "0003_payload_digests_of_old_versions"),
        ("tracking", "0003_experiment_levels"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["logged_model_id"], name="registry_version_logged_model"),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["artifact_path"], name="registry_version_files"),
        ),
        migrations.RunPython(mark_what_versions_were_made_of, migrations.RunPython.noop),
    ]

import django.db.models.deletion
from django.db import migrations, models

from core.database_guards import AppendOnly


class Migration(migrations.Migration):
    dependencies = [
        ("lineage", "0008_names_of_one_dataset"),
    ]

    operations = [
        migrations.CreateModel(
            name="DatasetDescription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.CharField(blank=True, default="", max_length=255)),
                ("digest", models.CharField(blank=True, default="", max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("body", models.TextField()),
                ("described_by", models.CharField(max_length=150)),
                ("actor_ref", models.CharField(max_length=100)),
                ("recorded_at", models.DateTimeField(auto_now_add=True)),
                (
                    "dataset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="descriptions",
                        to="lineage.node",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("dataset", "version", "sha256"), name="lineage_description_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("version", ""), _negated=True),
                            models.Q(("digest", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="lineage_description_names_a_version",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("digest", ""), _negated=True),
                        fields=["digest"],
                        name="lineage_description_digest",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DatasetFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=500)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("size", models.CharField(blank=True, default="", max_length=50)),
                ("url", models.CharField(blank=True, default="", max_length=1000)),
                (
                    "description",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="lineage.datasetdescription",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("sha256", ""), _negated=True),
                        fields=["sha256"],
                        name="lineage_file_digest",
                    )
                ],
            },
        ),
        AppendOnly("lineage_datasetdescription"),
        AppendOnly("lineage_datasetfile"),
    ]

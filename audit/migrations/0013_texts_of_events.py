from django.db import migrations, models

from core.database_guards import Guard, any_changed


class Migration(migrations.Migration):

    dependencies = [
        ("audit", "0012_identities"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.UUIDField()),
                ("place", models.TextField()),
                ("subject", models.CharField(max_length=100)),
                ("salt", models.CharField(max_length=64, null=True)),
                ("value", models.TextField(null=True)),
                ("erased_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["event_id", "place"], name="audit_eventtext_place")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("erased_at__isnull", True)),
                        fields=["subject"],
                        name="audit_eventtext_subject",
                    )
                ],
            },
        ),
        Guard(
            "audit_eventtext",
            "erase_only",
            on="UPDATE",
            message="audit_eventtext is append-only: a row can only be erased",
            when=(
                "OLD.value IS NULL OR NEW.value IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.erased_at IS NULL "
                f"OR {any_changed('id', 'event_id', 'place', 'subject')}"
            ),
        ),
        Guard("audit_eventtext", "no_delete", on="DELETE", message="audit_eventtext is append-only"),
    ]

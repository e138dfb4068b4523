from django.db import migrations, models

from core.database_guards import Guard, any_changed

# Names leave the log for a table of their own, from which they can be erased. The column keeps its name: it holds what
# the event holds, which is a name in older events.
ACTORS = {
    "audit_event_actor_at": None,
    "audit_event_denied_actor": models.Q(("outcome", "denied")),
}


def indexes_on(field):
    return [
        migrations.AddIndex("event", models.Index(fields=[field, "at", "id"], name=name, condition=condition))
        for name, condition in ACTORS.items()
    ]


class Migration(migrations.Migration):

    dependencies = [
        ("audit", "0011_messages_carry_their_trace"),
    ]

    operations = [
        migrations.CreateModel(
            name="Identity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ref", models.CharField(max_length=100)),
                ("name", models.CharField(max_length=300, null=True)),
                ("salt", models.BinaryField(null=True)),
                ("commitment", models.CharField(max_length=64, unique=True)),
                ("pseudonym", models.CharField(blank=True, default="", max_length=40)),
                ("erased_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "identities",
                "indexes": [models.Index(fields=["name", "ref"], name="audit_identity_name")],
            },
        ),
        Guard(
            "audit_identity",
            "erase_only",
            on="UPDATE",
            message="audit_identity is append-only: a row can only be erased",
            when=(
                "OLD.name IS NULL OR NEW.name IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.pseudonym = '' "
                f"OR NEW.erased_at IS NULL OR {any_changed('id', 'ref', 'commitment')}"
            ),
        ),
        Guard("audit_identity", "no_delete", on="DELETE", message="audit_identity is append-only"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(migrations.RemoveIndex("event", name) for name in ACTORS),
                migrations.RenameField("event", "actor_name", "actor_key"),
                migrations.AlterField("event", "actor_key", models.CharField(db_column="actor_name", max_length=150)),
                *indexes_on("actor_key"),
            ],
        ),
    ]

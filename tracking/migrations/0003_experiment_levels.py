import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

_ONE_PRINCIPAL = Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False)
_LEVELS = [(1, "Read"), (2, "Edit"), (3, "Manage")]


def _grant_fields():
    return [
        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
        ("level", models.SmallIntegerField(choices=_LEVELS)),
        (
            "user",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        (
            "group",
            models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="auth.group"
            ),
        ),
    ]


def let_creators_manage(apps, schema_editor):
    """Make whoever created an experiment its manager, and the owner of a service account that did: as for new ones."""
    database = schema_editor.connection.alias
    users = {user.username: user for user in apps.get_model("accounts", "User").objects.using(database).all()}
    grants = apps.get_model("tracking", "ExperimentGrant").objects.using(database)
    experiments = apps.get_model("tracking", "Experiment").objects.using(database)
    for experiment_id, name in experiments.exclude(pk=0).values_list("pk", "created_by").iterator():
        creator = users.get(name)
        if creator is None:
            continue
        managers = {creator.pk, creator.owner_id} if creator.is_service else {creator.pk}
        for user_id in managers - {None}:
            grants.get_or_create(experiment_id=experiment_id, user_id=user_id, defaults={"level": 3})


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("tracking", "0002_who_sent_a_file_is_kept"),
    ]

    operations = [
        migrations.AddField(
            model_name="loggedmodel", name="is_registered", field=models.BooleanField(default=False)
        ),
        migrations.AddField(model_name="run", name="is_registered", field=models.BooleanField(default=False)),
        migrations.AddIndex(
            model_name="experiment",
            index=models.Index(fields=["artifact_location"], name="tracking_experiment_location"),
        ),
        migrations.CreateModel(
            name="ExperimentGrant",
            fields=[
                *_grant_fields(),
                (
                    "experiment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to="tracking.experiment",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("experiment", "user"), name="tracking_experimentgrant_user"),
                    models.UniqueConstraint(fields=("experiment", "group"), name="tracking_experimentgrant_group"),
                    models.CheckConstraint(condition=_ONE_PRINCIPAL, name="tracking_experimentgrant_one"),
                    models.CheckConstraint(condition=Q(level__in=[1, 2, 3]), name="tracking_experimentgrant_level"),
                    models.CheckConstraint(
                        condition=~Q(experiment=0, level=3), name="tracking_experimentgrant_default"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PatternGrant",
            fields=[
                *_grant_fields(),
                ("pattern", models.CharField(max_length=500)),
                ("like_pattern", models.CharField(max_length=1000)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("pattern", "user"), name="tracking_patterngrant_user"),
                    models.UniqueConstraint(fields=("pattern", "group"), name="tracking_patterngrant_group"),
                    models.CheckConstraint(condition=_ONE_PRINCIPAL, name="tracking_patterngrant_one"),
                    models.CheckConstraint(condition=Q(level__in=[1, 2, 3]), name="tracking_patterngrant_level"),
                ],
            },
        ),
        migrations.RunPython(let_creators_manage, migrations.RunPython.noop),
    ]

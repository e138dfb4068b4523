"""An account keeps its name, and whoever owned it is remembered: who may not decide is told by both, for good.

By trigger, whoever writes the row. SQLite: a migration that rebuilds accounts_user drops its triggers and must create them
again (tests/accounts/test_owners.py notices one that does not).
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_MESSAGE = "accounts_user: an account keeps its username"
_KEEP = (
    "INSERT INTO accounts_formerowner (account_id, owner_id) VALUES (OLD.id, OLD.owner_id) "
    "ON CONFLICT (account_id, owner_id) DO NOTHING"
)
_MOVED = "OLD.owner_id IS NOT NULL AND NEW.owner_id IS {differs} OLD.owner_id"


def guard(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(
            "CREATE TRIGGER accounts_user_keeps_name BEFORE UPDATE OF username ON accounts_user "
            f"WHEN NEW.username <> OLD.username BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        )
        schema_editor.execute(
            "CREATE TRIGGER accounts_user_former_owner AFTER UPDATE OF owner_id ON accounts_user "
            f"WHEN {_MOVED.format(differs='NOT')} BEGIN {_KEEP}; END"
        )
        return
    schema_editor.execute(
        "CREATE FUNCTION custody_user_keeps_name() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    schema_editor.execute(
        "CREATE TRIGGER accounts_user_keeps_name BEFORE UPDATE OF username ON accounts_user "
        "FOR EACH ROW WHEN (NEW.username <> OLD.username) EXECUTE FUNCTION custody_user_keeps_name()"
    )
    schema_editor.execute(
        "CREATE FUNCTION custody_user_former_owner() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN {_KEEP}; RETURN NULL; END $$"
    )
    schema_editor.execute(
        "CREATE TRIGGER accounts_user_former_owner AFTER UPDATE OF owner_id ON accounts_user "
        f"FOR EACH ROW WHEN ({_MOVED.format(differs='DISTINCT FROM')}) EXECUTE FUNCTION custody_user_former_owner()"
    )


def unguard(apps, schema_editor):
    sqlite = schema_editor.connection.vendor == "sqlite"
    for trigger in ("accounts_user_keeps_name", "accounts_user_former_owner"):
        schema_editor.execute(f"DROP TRIGGER {trigger}" + ("" if sqlite else " ON accounts_user"))
    if not sqlite:
        schema_editor.execute("DROP FUNCTION custody_user_keeps_name()")
        schema_editor.execute("DROP FUNCTION custody_user_former_owner()")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_policy_groups")]
    operations = [
        migrations.CreateModel(
            name="FormerOwner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="former_owners",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "owner"), name="accounts_formerowner_once")
                ],
            },
        ),
        migrations.RunPython(guard, unguard),
    ]

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.database_guards import Guard, VendorStatements

# The table that Django made for `User.groups` becomes `accounts_membership`, and a view takes its name. Whatever reads
# or writes groups, this release and the one before, reads and writes the view, which leaves out expired memberships.
_NOW_SQLITE = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
# Not now(), the start of the transaction: a transaction may have waited for a lock.
_NOW_POSTGRESQL = "statement_timestamp()"
_VIEW = (
    "CREATE VIEW accounts_user_groups AS SELECT id, user_id, group_id FROM accounts_membership "
    "WHERE expires_at IS NULL OR expires_at > {now}"
)
# Whoever is added again after their membership has expired gets a new one, before or after a task deletes the old one.
_FORGET = (
    "DELETE FROM accounts_membership WHERE user_id = NEW.user_id AND group_id = NEW.group_id AND expires_at <= {now};"
)
_DELETE_EXPIRED = "DELETE FROM accounts_membership WHERE expires_at <= {now}"
_OWNER_IS_A_PERSON = "accounts_groupowner: the owner of a group is a person"
_PERSON_OWNS_GROUPS = "accounts_user: a service account owns no group"


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0012_people_can_be_erased"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        VendorStatements(
            sqlite=[
                "ALTER TABLE accounts_user_groups RENAME TO accounts_membership",
                "ALTER TABLE accounts_membership ADD COLUMN expires_at datetime NULL",
                "ALTER TABLE accounts_membership ADD COLUMN reminded_for datetime NULL",
                _VIEW.format(now=_NOW_SQLITE),
                (
                    "CREATE TRIGGER accounts_membership_renewed BEFORE INSERT ON accounts_membership BEGIN "
                    f"{_FORGET.format(now=_NOW_SQLITE)} END"
                ),
                (
                    "CREATE TRIGGER accounts_user_groups_insert INSTEAD OF INSERT ON accounts_user_groups BEGIN "
                    "INSERT INTO accounts_membership (id, user_id, group_id) VALUES (NEW.id, NEW.user_id, NEW.group_id); END"
                ),
                (
                    "CREATE TRIGGER accounts_user_groups_delete INSTEAD OF DELETE ON accounts_user_groups BEGIN "
                    "DELETE FROM accounts_membership WHERE id = OLD.id; END"
                ),
            ],
            undo_sqlite=[
                "DROP VIEW accounts_user_groups",
                "DROP TRIGGER accounts_membership_renewed",
                _DELETE_EXPIRED.format(now=_NOW_SQLITE),
                "ALTER TABLE accounts_membership DROP COLUMN reminded_for",
                "ALTER TABLE accounts_membership DROP COLUMN expires_at",
                "ALTER TABLE accounts_membership RENAME TO accounts_user_groups",
            ],
            postgresql=[
                "ALTER TABLE accounts_user_groups RENAME TO accounts_membership",
                "ALTER TABLE accounts_membership ADD COLUMN expires_at timestamptz NULL, ADD COLUMN reminded_for timestamptz NULL",
                _VIEW.format(now=_NOW_POSTGRESQL),
                (
                    "CREATE FUNCTION custody_accounts_membership_renewed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    f"{_FORGET.format(now=_NOW_POSTGRESQL)} RETURN NEW; END $$"
                ),
                (
                    "CREATE TRIGGER accounts_membership_renewed BEFORE INSERT ON accounts_membership "
                    "FOR EACH ROW EXECUTE FUNCTION custody_accounts_membership_renewed()"
                ),
            ],
            undo_postgresql=[
                "DROP VIEW accounts_user_groups",
                "DROP TRIGGER accounts_membership_renewed ON accounts_membership",
                "DROP FUNCTION custody_accounts_membership_renewed()",
                _DELETE_EXPIRED.format(now=_NOW_POSTGRESQL),
                "ALTER TABLE accounts_membership DROP COLUMN reminded_for, DROP COLUMN expires_at",
                "ALTER TABLE accounts_membership RENAME TO accounts_user_groups",
            ],
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Membership",
                    fields=[
                        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                        ("expires_at", models.DateTimeField(blank=True, null=True)),
                        ("reminded_for", models.DateTimeField(blank=True, null=True)),
                        ("group", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="auth.group")),
                        ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to=settings.AUTH_USER_MODEL)),
                    ],
                    options={"unique_together": {("user", "group")}},
                ),
            ],
        ),
        migrations.CreateModel(
            name="GroupOwner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("group", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="owners", to="auth.group")),
                ("owner", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="owned_groups", to=settings.AUTH_USER_MODEL)),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("group", "owner"), name="accounts_groupowner_once")]},
        ),
        Guard(
            "accounts_groupowner",
            "is_a_person",
            on=("INSERT", "UPDATE"),
            when="EXISTS (SELECT 1 FROM accounts_user WHERE accounts_user.id = NEW.owner_id AND is_service)",
            message=_OWNER_IS_A_PERSON,
        ),
        Guard(
            "accounts_user",
            "owns_groups",
            on="UPDATE",
            when="NEW.is_service AND EXISTS (SELECT 1 FROM accounts_groupowner WHERE owner_id = NEW.id)",
            message=_PERSON_OWNS_GROUPS,
        ),
    ]

from django.db import migrations

from core.database_guards import Guard, VendorStatements

_NAME = ("accounts_user", "keeps_name")
_MESSAGE = "accounts_user: an account keeps its username"
_BEFORE = Guard(*_NAME, on="UPDATE", when="NEW.username <> OLD.username", message=_MESSAGE)


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0011_second_factor"),
    ]

    operations = [
        VendorStatements(
            sqlite=_BEFORE.backwards["sqlite"],
            postgresql=_BEFORE.backwards["postgresql"],
            undo_sqlite=_BEFORE.forwards["sqlite"],
            undo_postgresql=_BEFORE.forwards["postgresql"],
        ),
        Guard(
            *_NAME,
            on="UPDATE",
            when=(
                "NEW.username <> OLD.username AND (NEW.is_active OR NEW.is_service OR NEW.username NOT LIKE 'erased-%' "
                "OR NEW.email <> '' OR NEW.first_name <> '' OR NEW.last_name <> '')"
            ),
            message=_MESSAGE,
        ),
    ]

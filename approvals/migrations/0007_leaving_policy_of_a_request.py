import django.db.models.deletion
from django.db import migrations, models

from core.database_guards import VendorStatements

_ADD = (
    "ALTER TABLE approvals_transitionrequest ADD COLUMN leave_revision_id bigint NULL "
    "REFERENCES policies_policyrevision (id) DEFERRABLE INITIALLY DEFERRED"
)
_DROP = "ALTER TABLE approvals_transitionrequest DROP COLUMN leave_revision_id"


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0006_closing_pins'),
        ('policies', '0001_initial'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            # To undo it, Django would rebuild the table on SQLite, which triggers of other tables read.
            database_operations=[
                VendorStatements(sqlite=[_ADD], postgresql=[_ADD], undo_sqlite=[_DROP], undo_postgresql=[_DROP]),
            ],
            state_operations=[
                migrations.AddField(
                    model_name='transitionrequest',
                    name='leave_revision',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyrevision'),
                ),
            ],
        ),
    ]

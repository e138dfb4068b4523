from django.db import migrations

from core.database_guards import VendorStatements

_DROP_FOREIGN_KEY = """
DO $$ DECLARE found text; BEGIN
    SELECT conname INTO found FROM pg_constraint
        WHERE conrelid = 'tracking_metric'::regclass AND confrelid = 'tracking_run'::regclass AND contype = 'f';
    IF found IS NOT NULL THEN EXECUTE format('ALTER TABLE tracking_metric DROP CONSTRAINT %I', found); END IF;
END $$
"""


class Migration(migrations.Migration):
    """Drop the foreign key that the triggers of the first migration replace.

    That migration drops it too, but Django adds foreign keys when a migration ends, so it was not there yet. Undoing this
    adds none: the triggers state the same.
    """

    dependencies = [
        ('tracking', '0008_index_of_the_best_runs'),
    ]

    operations = [
        VendorStatements(postgresql=[_DROP_FOREIGN_KEY]),
    ]

from django.db import migrations, models

from core.database_guards import AppendOnly, VendorStatements

# Who sent the files that are there now. What was replaced or deleted before is known to the audit log alone.
_ORIGIN = {
    "sqlite": (
        "CASE WHEN instr(path, '/artifacts/') > 0 "
        "THEN replace(substr(path, 1, instr(path, '/artifacts/') - 1), "
        "rtrim(substr(path, 1, instr(path, '/artifacts/') - 1), "
        "replace(substr(path, 1, instr(path, '/artifacts/') - 1), '/', '')), '') "
        "ELSE path END"
    ),
    "postgresql": (
        "CASE WHEN position('/artifacts/' IN path) > 0 "
        "THEN regexp_replace(split_part(path, '/artifacts/', 1), '^.*/', '') "
        "ELSE path END"
    ),
}


def _fill(vendor: str) -> str:
    ignore, conflict = ("OR IGNORE ", "") if vendor == "sqlite" else ("", " ON CONFLICT DO NOTHING")
    return (
        f"INSERT {ignore}INTO tracking_sentfile (sha256, origin, name) "
        f"SELECT DISTINCT sha256, substr({_ORIGIN[vendor]}, 1, 100), stored_by FROM tracking_artifact "
        f"WHERE stored_by <> ''{conflict}"
    )


class Migration(migrations.Migration):

    dependencies = [
        ('tracking', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='SentFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(max_length=64)),
                ('origin', models.CharField(max_length=100)),
                ('name', models.CharField(max_length=150)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('sha256', 'origin', 'name'), name='tracking_sentfile_once')],
            },
        ),
        AppendOnly("tracking_sentfile"),
        VendorStatements(sqlite=[_fill("sqlite")], postgresql=[_fill("postgresql")]),
    ]

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.database_guards import Guard, any_changed

_KEPT = "a passkey is kept as it was added; its sign count rises, and it is removed once"

class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_changes_of_accounts_are_kept'),
    ]

    operations = [
        migrations.CreateModel(
            name='Passkey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('credential_id', models.CharField(max_length=700, unique=True)),
                ('public_key', models.CharField(max_length=900)),
                ('aaguid', models.CharField(max_length=36)),
                ('synced', models.BooleanField()),
                ('sign_count', models.BigIntegerField()),
                ('enrolment_event', models.UUIDField(unique=True)),
                ('added_at', models.DateTimeField(auto_now_add=True)),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('removed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='passkeys', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('public_key', ''), _negated=True), name='accounts_passkey_has_key'), models.CheckConstraint(condition=models.Q(models.Q(('removed_at__isnull', True), ('removed_by__isnull', True)), models.Q(('removed_at__isnull', False), ('removed_by__isnull', False)), _connector='OR'), name='accounts_passkey_removed_whole')],
            },
        ),
        Guard("accounts_passkey", "no_delete", on="DELETE", message=_KEPT),
        Guard(
            "accounts_passkey",
            "kept",
            on="UPDATE",
            when="OLD.removed_at IS NOT NULL OR NEW.sign_count < OLD.sign_count OR "
            + any_changed(
                "id", "user_id", "name", "credential_id", "public_key", "aaguid", "synced", "enrolment_event", "added_at"
            ),
            message=_KEPT,
        ),
        Guard(
            "accounts_passkey",
            "of_a_person",
            on="INSERT",
            when="EXISTS (SELECT 1 FROM accounts_user u WHERE u.id = NEW.user_id AND u.is_service)",
            message="a service account has no passkey",
        ),
    ]

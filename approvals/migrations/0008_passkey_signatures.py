import django.db.models.deletion
from django.db import migrations, models

from core.database_guards import AppendOnly, Guard

_SIGNER = (
    "COALESCE((SELECT r.reviewer_id FROM approvals_review r WHERE r.id = NEW.review_id), "
    "(SELECT o.given_by_id FROM approvals_override o WHERE o.id = NEW.override_id), "
    "(SELECT t.requester_id FROM approvals_transitionrequest t WHERE t.id = NEW.request_id AND t.kind = 'break_glass'))"
)

class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_passkeys'),
        ('approvals', '0007_leaving_policy_of_a_request'),
    ]

    operations = [
        migrations.CreateModel(
            name='PasskeySignature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('nonce', models.CharField(max_length=64, unique=True)),
                ('statement', models.TextField()),
                ('authenticator_data', models.CharField(max_length=1000)),
                ('client_data', models.CharField(max_length=1000)),
                ('signature', models.CharField(max_length=1000)),
                ('signed_at', models.DateTimeField(auto_now_add=True)),
                ('override', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='passkey_signature', to='approvals.override')),
                ('passkey', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.passkey')),
                ('request', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='passkey_signature', to='approvals.transitionrequest')),
                ('review', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='passkey_signature', to='approvals.review')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('override__isnull', True), ('request__isnull', True), ('review__isnull', False)), models.Q(('override__isnull', False), ('request__isnull', True), ('review__isnull', True)), models.Q(('override__isnull', True), ('request__isnull', False), ('review__isnull', True)), _connector='OR'), name='approvals_passkeysignature_of_one'), models.CheckConstraint(condition=models.Q(models.Q(('nonce', ''), _negated=True), models.Q(('statement', ''), _negated=True), models.Q(('signature', ''), _negated=True)), name='approvals_passkeysignature_whole')],
            },
        ),
        AppendOnly("approvals_passkeysignature"),
        Guard(
            "approvals_passkeysignature",
            "own",
            on="INSERT",
            when="NOT EXISTS (SELECT 1 FROM accounts_passkey k WHERE k.id = NEW.passkey_id AND k.removed_at IS NULL "
            f"AND k.user_id = {_SIGNER})",
            message="a passkey signs decisions of its owner alone, until it is removed",
        ),
    ]

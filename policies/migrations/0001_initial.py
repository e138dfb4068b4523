import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.database_guards import any_changed, AppendOnly, Guard

# Four eyes on policies, as the database states it. Nobody reviews their own proposal, or that of a service account they own,
# and a review names the digest of an open proposal. A revision after the first, and every revision once there has been a
# proposal, needs an approving review of exactly that body; so does retiring a policy and bringing it back.
_UNSOUND_REVIEW = (
    "NOT EXISTS (SELECT 1 FROM policies_policyproposal p JOIN accounts_user proposer ON proposer.id = p.proposer_id "
    "JOIN accounts_user reviewer ON reviewer.id = NEW.reviewer_id "
    "WHERE p.id = NEW.proposal_id AND p.state = 'open' AND p.digest = NEW.digest AND reviewer.id <> proposer.id "
    "AND reviewer.id <> COALESCE(proposer.owner_id, 0) AND NOT reviewer.is_service)"
)
_APPROVED = (
    "EXISTS (SELECT 1 FROM policies_policyproposal p JOIN policies_policyreview r ON r.proposal_id = p.id "
    "WHERE p.state = 'open' AND r.decision = 'approve' AND r.digest = p.digest AND "
)
_UNAPPROVED_REVISION = (
    f"(NEW.number > 1 OR EXISTS (SELECT 1 FROM policies_policyproposal)) AND NOT {_APPROVED} p.kind = 'publish' "
    "AND p.body_digest = NEW.digest AND p.name = (SELECT o.name FROM policies_policy o WHERE o.id = NEW.policy_id))"
)
_UNAPPROVED_SWITCH = (
    f"OLD.is_active <> NEW.is_active AND NOT {_APPROVED} p.name = NEW.name "
    "AND p.kind = CASE WHEN NEW.is_active THEN 'publish' ELSE 'retire' END)"
)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('target', models.CharField(max_length=256)),
                ('models_pattern', models.CharField(default='*', max_length=256)),
                ('is_active', models.BooleanField(default=True)),
            ],
            options={
                'verbose_name_plural': 'policies',
            },
        ),
        migrations.CreateModel(
            name='PolicyRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('body', models.JSONField()),
                ('digest', models.CharField(max_length=64)),
                ('published_by', models.CharField(max_length=150)),
                ('published_at', models.DateTimeField(auto_now_add=True)),
                ('policy', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='revisions', to='policies.policy')),
            ],
        ),
        migrations.CreateModel(
            name='PolicyProposal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('kind', models.CharField(choices=[('publish', 'Publish'), ('retire', 'Retire')], default='publish', max_length=7)),
                ('body', models.JSONField()),
                ('body_digest', models.CharField(max_length=64)),
                ('digest', models.CharField(max_length=64)),
                ('comment', models.TextField(blank=True, default='')),
                ('state', models.CharField(choices=[('open', 'Open'), ('published', 'Published'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn'), ('stale', 'Stale')], default='open', max_length=9)),
                ('state_reason', models.CharField(blank=True, default='', max_length=1000)),
                ('opened_at', models.DateTimeField(auto_now_add=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('proposer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('base_revision', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyrevision')),
                ('published_revision', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='proposal', to='policies.policyrevision')),
            ],
        ),
        migrations.CreateModel(
            name='PolicyReview',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('decision', models.CharField(choices=[('approve', 'Approve'), ('reject', 'Reject')], max_length=7)),
                ('comment', models.TextField()),
                ('digest', models.CharField(max_length=64)),
                ('given_at', models.DateTimeField(auto_now_add=True)),
                ('proposal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='policies.policyproposal')),
                ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('decision__in', ['approve', 'reject'])), name='policies_policyreview_word'), models.CheckConstraint(condition=models.Q(('comment', ''), _negated=True), name='policies_policyreview_comment'), models.UniqueConstraint(fields=('proposal', 'reviewer'), name='policies_policyreview_once')],
            },
        ),
        migrations.AddConstraint(
            model_name='policyrevision',
            constraint=models.UniqueConstraint(fields=('policy', 'number'), name='policies_revision_number'),
        ),
        migrations.AddIndex(
            model_name='policyproposal',
            index=models.Index(fields=['name', '-id'], name='policies_proposal_name'),
        ),
        migrations.AddConstraint(
            model_name='policyproposal',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'published', 'rejected', 'withdrawn', 'stale'])), name='policies_proposal_state'),
        ),
        migrations.AddConstraint(
            model_name='policyproposal',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['publish', 'retire'])), name='policies_proposal_kind'),
        ),
        migrations.AddConstraint(
            model_name='policyproposal',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'publish'), ('base_revision__isnull', False), _connector='OR'), name='policies_proposal_retires_something'),
        ),
        AppendOnly("policies_policyrevision"),
        AppendOnly("policies_policyreview"),
        Guard("policies_policyproposal", "no_delete", on="DELETE", message="policies_policyproposal is append-only"),
        Guard(
            "policies_policyproposal",
            "stays",
            on="UPDATE",
            when="OLD.state <> 'open' OR "
            + any_changed(
                "name", "kind", "body", "body_digest", "digest", "base_revision_id", "proposer_id", "comment", "opened_at"
            ),
            message="what is proposed never changes",
        ),
        Guard(
            "policies_policyreview",
            "four_eyes",
            on="INSERT",
            when=_UNSOUND_REVIEW,
            message="a policy is reviewed by another person, as it reads",
        ),
        Guard(
            "policies_policyrevision",
            "reviewed",
            on="INSERT",
            when=_UNAPPROVED_REVISION,
            message="a policy revision needs a review",
        ),
        Guard(
            "policies_policy",
            "switch_reviewed",
            on="UPDATE",
            when=_UNAPPROVED_SWITCH,
            message="retiring a policy needs a review",
        ),
    ]

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.database_guards import any_changed, AppendOnly, Guard

_KEY_MESSAGE = "approvals_checkkey is append-only but for one revocation"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('policies', '0001_initial'),
        ('registry', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CheckKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('public_key', models.CharField(max_length=60)),
                ('note', models.CharField(blank=True, default='', max_length=500)),
                ('added_by', models.CharField(max_length=150)),
                ('added_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_by', models.CharField(blank=True, default='', max_length=150)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='CheckRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=110)),
                ('check_code', models.CharField(max_length=100)),
                ('params', models.JSONField(blank=True, default=dict)),
                ('inputs_digest', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('waiting', 'Waiting'), ('running', 'Running'), ('passed', 'Passed'), ('failed', 'Failed'), ('error', 'Error'), ('cancelled', 'Cancelled')], default='queued', max_length=9)),
                ('progress', models.PositiveSmallIntegerField(default=0)),
                ('summary', models.CharField(blank=True, default='', max_length=1000)),
                ('evidence', models.JSONField(blank=True, default=dict)),
                ('evidence_digest', models.CharField(blank=True, default='', max_length=64)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('fence', models.PositiveIntegerField(default=0)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('ends_by', models.DateTimeField(blank=True, null=True)),
                ('worker', models.CharField(blank=True, default='', max_length=200)),
                ('author', models.CharField(blank=True, default='', max_length=150)),
                ('log', models.TextField(blank=True, default='')),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ApprovalComment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('created_at', models.DateTimeField()),
                ('edited_at', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reply_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replies', to='approvals.approvalcomment')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='registry.modelversion')),
            ],
        ),
        migrations.CreateModel(
            name='CheckEvidence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fence', models.PositiveIntegerField()),
                ('name', models.CharField(max_length=200)),
                ('sha256', models.CharField(db_index=True, max_length=64)),
                ('size', models.BigIntegerField()),
                ('media_type', models.CharField(max_length=100)),
                ('stored_at', models.DateTimeField(auto_now_add=True)),
                ('check_run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='files', to='approvals.checkrun')),
            ],
        ),
        migrations.CreateModel(
            name='Delegation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('models_pattern', models.CharField(default='*', max_length=256)),
                ('reason', models.TextField()),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('delegate', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('delegator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ExternalResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('nonce', models.CharField(max_length=100)),
                ('payload', models.TextField()),
                ('signature', models.CharField(max_length=100)),
                ('posted_by', models.CharField(max_length=150)),
                ('posted_at', models.DateTimeField(auto_now_add=True)),
                ('check_run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='posted', to='approvals.checkrun')),
                ('key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='approvals.checkkey')),
            ],
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('severity', models.CharField(choices=[('low', 'LOW'), ('medium', 'MEDIUM'), ('high', 'HIGH'), ('critical', 'CRITICAL')], max_length=8)),
                ('title', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True, default='')),
                ('origin', models.CharField(choices=[('person', 'Person'), ('quarantine', 'Quarantine'), ('re_review', 'Re Review')], default='person', max_length=10)),
                ('cause', models.CharField(blank=True, default='', max_length=100)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('overdue_at', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('open', 'Open'), ('resolved', 'Resolved'), ('accepted', 'Accepted'), ('false_positive', 'False Positive')], default='open', max_length=14)),
                ('opened_by', models.CharField(max_length=150)),
                ('opened_at', models.DateTimeField()),
                ('resolution', models.TextField(blank=True, default='')),
                ('closed_by', models.CharField(blank=True, default='', max_length=150)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='registry.registeredmodel')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='registry.modelversion')),
            ],
        ),
        migrations.CreateModel(
            name='CommentRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('replaced_at', models.DateTimeField()),
                ('comment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='revisions', to='approvals.approvalcomment')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Override',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=110)),
                ('reason', models.TextField()),
                ('subject_digest', models.CharField(max_length=64)),
                ('meaning', models.CharField(blank=True, default='', max_length=200)),
                ('printed_name', models.CharField(blank=True, default='', max_length=300)),
                ('signed_at', models.DateTimeField(blank=True, null=True)),
                ('given_at', models.DateTimeField(auto_now_add=True)),
                ('given_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='OverrideWithdrawal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField()),
                ('withdrawn_at', models.DateTimeField(auto_now_add=True)),
                ('override', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='withdrawal', to='approvals.override')),
                ('withdrawn_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ReReview',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('comment', models.TextField()),
                ('artifact_digest', models.CharField(blank=True, default='', max_length=80)),
                ('card_digest', models.CharField(blank=True, default='', max_length=64)),
                ('was_due_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('given_at', models.DateTimeField()),
                ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='re_reviews', to='registry.modelversion')),
            ],
        ),
        migrations.CreateModel(
            name='TransitionRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(choices=[('None', 'None'), ('Staging', 'Staging'), ('Production', 'Production'), ('Archived', 'Archived')], max_length=10)),
                ('target', models.CharField(max_length=256)),
                ('kind', models.CharField(choices=[('promotion', 'PROMOTION'), ('rollback', 'ROLLBACK'), ('break_glass', 'BREAK_GLASS')], default='promotion', max_length=11)),
                ('comment', models.TextField(blank=True, default='')),
                ('archive_existing', models.BooleanField(default=False)),
                ('archive_left_open', models.BooleanField(default=False)),
                ('subject_digest', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('open', 'Open'), ('approved', 'Approved'), ('applied', 'Applied'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn'), ('expired', 'Expired'), ('stale', 'Stale')], default='open', max_length=9)),
                ('state_reason', models.CharField(blank=True, default='', max_length=1000)),
                ('refusal_digest', models.CharField(blank=True, default='', max_length=64)),
                ('opened_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('apply_after', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('cached_verdict', models.JSONField(blank=True, null=True)),
                ('verdict_cached_at', models.DateTimeField(blank=True, null=True)),
                ('reminded_at', models.DateTimeField(blank=True, null=True)),
                ('followed_revision', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyrevision')),
                ('policy_revision', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='policies.policyrevision')),
                ('requester', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transition_requests', to='registry.modelversion')),
            ],
        ),
        migrations.CreateModel(
            name='RequestView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject_digest', models.CharField(max_length=64)),
                ('viewed_at', models.DateTimeField(auto_now=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('request', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='approvals.transitionrequest')),
            ],
        ),
        migrations.CreateModel(
            name='Review',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('decision', models.CharField(choices=[('approve', 'Approve'), ('reject', 'Reject'), ('request_changes', 'Request Changes')], max_length=15)),
                ('comment', models.TextField()),
                ('subject_digest', models.CharField(max_length=64)),
                ('subject_parts', models.JSONField(blank=True, default=dict)),
                ('meaning', models.CharField(blank=True, default='', max_length=200)),
                ('printed_name', models.CharField(blank=True, default='', max_length=300)),
                ('signed_at', models.DateTimeField(blank=True, null=True)),
                ('given_at', models.DateTimeField(auto_now_add=True)),
                ('on_behalf_of', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reviewer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='approvals.transitionrequest')),
            ],
        ),
        migrations.CreateModel(
            name='PostReview',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('broken_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('overdue_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(blank=True, choices=[('justified', 'Justified'), ('not_justified', 'Not Justified')], default='', max_length=13)),
                ('comment', models.TextField(blank=True, default='')),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('completed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('requester', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('request', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='post_review', to='approvals.transitionrequest')),
            ],
        ),
        migrations.AddField(
            model_name='override',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='overrides', to='approvals.transitionrequest'),
        ),
        migrations.CreateModel(
            name='InboxKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('asked', 'Asked'), ('excluded', 'Excluded')], max_length=8)),
                ('key', models.CharField(max_length=200)),
                ('request', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='inbox_keys', to='approvals.transitionrequest')),
            ],
        ),
        migrations.AddField(
            model_name='checkrun',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='check_runs', to='approvals.transitionrequest'),
        ),
        migrations.AddConstraint(
            model_name='approvalcomment',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='approvals_comment_has_text'),
        ),
        migrations.AddConstraint(
            model_name='checkevidence',
            constraint=models.UniqueConstraint(fields=('check_run', 'fence', 'name'), name='approvals_evidence_name'),
        ),
        migrations.AddConstraint(
            model_name='checkevidence',
            constraint=models.CheckConstraint(condition=models.Q(('size__gte', 0)), name='approvals_evidence_size'),
        ),
        migrations.AddConstraint(
            model_name='delegation',
            constraint=models.CheckConstraint(condition=models.Q(('delegator', models.F('delegate')), _negated=True), name='approvals_delegation_to_another'),
        ),
        migrations.AddConstraint(
            model_name='delegation',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='approvals_delegation_forward'),
        ),
        migrations.AddConstraint(
            model_name='delegation',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='approvals_delegation_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='externalresult',
            constraint=models.UniqueConstraint(fields=('key', 'nonce'), name='approvals_external_once'),
        ),
        migrations.AddIndex(
            model_name='finding',
            index=models.Index(fields=['state', '-opened_at'], name='approvals_finding_list'),
        ),
        migrations.AddIndex(
            model_name='finding',
            index=models.Index(condition=models.Q(('due_at__isnull', False), ('overdue_at__isnull', True), ('state', 'open')), fields=['due_at'], name='approvals_finding_due'),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.CheckConstraint(condition=models.Q(('severity__in', ['low', 'medium', 'high', 'critical'])), name='approvals_finding_severity'),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'resolved', 'accepted', 'false_positive'])), name='approvals_finding_state'),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.CheckConstraint(condition=models.Q(('origin__in', ['person', 'quarantine', 're_review'])), name='approvals_finding_origin'),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.CheckConstraint(condition=models.Q(('title', ''), _negated=True), name='approvals_finding_has_title'),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('closed_by', ''), ('resolution', ''), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('closed_at__isnull', False), models.Q(('closed_by', ''), _negated=True), models.Q(('resolution', ''), _negated=True)), _connector='OR'), name='approvals_finding_closed_whole'),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.UniqueConstraint(condition=models.Q(('cause', ''), _negated=True), fields=('version', 'cause'), name='approvals_finding_one_per_cause'),
        ),
        migrations.AddConstraint(
            model_name='overridewithdrawal',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='approvals_override_withdrawal_has_reason'),
        ),
        migrations.AddIndex(
            model_name='rereview',
            index=models.Index(fields=['version', '-given_at'], name='approvals_rereview_latest'),
        ),
        migrations.AddConstraint(
            model_name='rereview',
            constraint=models.CheckConstraint(condition=models.Q(('comment', ''), _negated=True), name='approvals_rereview_has_comment'),
        ),
        migrations.AddConstraint(
            model_name='rereview',
            constraint=models.CheckConstraint(condition=models.Q(('due_at__gt', models.F('given_at'))), name='approvals_rereview_ahead'),
        ),
        migrations.AddIndex(
            model_name='transitionrequest',
            index=models.Index(fields=['state', '-opened_at'], name='approvals_request_inbox'),
        ),
        migrations.AddConstraint(
            model_name='transitionrequest',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['open', 'approved'])), fields=('version', 'target'), name='approvals_one_live_request'),
        ),
        migrations.AddConstraint(
            model_name='transitionrequest',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'approved', 'applied', 'rejected', 'withdrawn', 'expired', 'stale'])), name='approvals_request_state'),
        ),
        migrations.AddConstraint(
            model_name='transitionrequest',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['promotion', 'rollback', 'break_glass'])), name='approvals_request_kind'),
        ),
        migrations.AddConstraint(
            model_name='requestview',
            constraint=models.UniqueConstraint(fields=('request', 'person'), name='approvals_request_view_once'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('decision__in', ['approve', 'reject', 'request_changes'])), name='approvals_review_decision'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('comment', ''), _negated=True), name='approvals_review_has_comment'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('meaning', ''), ('printed_name', ''), ('signed_at__isnull', True)), models.Q(models.Q(('meaning', ''), _negated=True), models.Q(('printed_name', ''), _negated=True), ('signed_at__isnull', False)), _connector='OR'), name='approvals_review_signed_whole'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('on_behalf_of__isnull', True), models.Q(('on_behalf_of', models.F('reviewer')), _negated=True), _connector='OR'), name='approvals_review_for_another'),
        ),
        migrations.AddIndex(
            model_name='postreview',
            index=models.Index(condition=models.Q(('completed_at__isnull', True)), fields=['due_at'], name='approvals_postreview_due'),
        ),
        migrations.AddConstraint(
            model_name='postreview',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('comment', ''), ('completed_at__isnull', True), ('completed_by__isnull', True), ('outcome', '')), models.Q(('completed_at__isnull', False), ('completed_by__isnull', False), ('outcome__in', ['justified', 'not_justified']), models.Q(('comment', ''), _negated=True)), _connector='OR'), name='approvals_postreview_whole'),
        ),
        migrations.AddConstraint(
            model_name='postreview',
            constraint=models.CheckConstraint(condition=models.Q(('completed_by', models.F('requester')), _negated=True), name='approvals_postreview_not_own'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='approvals_override_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('meaning', ''), ('printed_name', ''), ('signed_at__isnull', True)), models.Q(models.Q(('meaning', ''), _negated=True), models.Q(('printed_name', ''), _negated=True), ('signed_at__isnull', False)), _connector='OR'), name='approvals_override_signed_whole'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.UniqueConstraint(fields=('request', 'rule', 'given_by', 'subject_digest'), name='approvals_override_once'),
        ),
        migrations.AddIndex(
            model_name='inboxkey',
            index=models.Index(fields=['kind', 'key', 'request'], name='approvals_inboxkey_inbox'),
        ),
        migrations.AddConstraint(
            model_name='inboxkey',
            constraint=models.UniqueConstraint(fields=('request', 'kind', 'key'), name='approvals_inboxkey_once'),
        ),
        migrations.AddConstraint(
            model_name='inboxkey',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['asked', 'excluded'])), name='approvals_inboxkey_kind'),
        ),
        migrations.AddIndex(
            model_name='checkrun',
            index=models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['lease_until'], name='approvals_checkrun_lease'),
        ),
        migrations.AddConstraint(
            model_name='checkrun',
            constraint=models.UniqueConstraint(fields=('request', 'rule', 'inputs_digest'), name='approvals_checkrun_once'),
        ),
        migrations.AddConstraint(
            model_name='checkrun',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'waiting', 'running', 'passed', 'failed', 'error', 'cancelled'])), name='approvals_checkrun_state'),
        ),
        *(
            AppendOnly(table)
            for table in (
                "approvals_review",
                "approvals_override",
                "approvals_overridewithdrawal",
                "approvals_checkevidence",
                "approvals_externalresult",
                "approvals_rereview",
                "approvals_commentrevision",
            )
        ),
        Guard(
            "approvals_review",
            "not_own",
            on="INSERT",
            when="EXISTS (SELECT 1 FROM approvals_transitionrequest asked WHERE asked.id = NEW.request_id "
            "AND asked.requester_id IN (NEW.reviewer_id, NEW.on_behalf_of_id))",
            message="a requester cannot review their own request",
        ),
        Guard(
            "approvals_review",
            "delegated",
            on="INSERT",
            when="NEW.on_behalf_of_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM approvals_delegation given "
            "WHERE given.delegator_id = NEW.on_behalf_of_id AND given.delegate_id = NEW.reviewer_id)",
            message="a review on behalf of somebody needs their delegation",
        ),
        Guard("approvals_checkkey", "no_delete", on="DELETE", message=_KEY_MESSAGE),
        Guard(
            "approvals_checkkey",
            "revoked_once",
            on="UPDATE",
            when="OLD.revoked_at IS NOT NULL OR "
            + any_changed("id", "name", "public_key", "note", "added_by", "added_at"),
            message=_KEY_MESSAGE,
        ),
        Guard("approvals_finding", "no_delete", on="DELETE", message="approvals_finding rows are never deleted"),
        Guard(
            "approvals_finding",
            "closed_once",
            on="UPDATE",
            when="OLD.closed_at IS NOT NULL OR "
            + any_changed(
                "model_id", "version_id", "severity", "title", "description", "origin", "cause", "opened_by", "opened_at"
            ),
            message="approvals_finding rows are closed once",
        ),
        Guard("approvals_postreview", "no_delete", on="DELETE", message="approvals_postreview rows are never deleted"),
        Guard(
            "approvals_postreview",
            "closed_once",
            on="UPDATE",
            when="OLD.completed_at IS NOT NULL OR " + any_changed("request_id", "requester_id", "broken_at", "due_at"),
            message="approvals_postreview rows are closed once",
        ),
        Guard("approvals_delegation", "no_delete", on="DELETE", message="approvals_delegation is kept"),
        Guard(
            "approvals_delegation",
            "kept",
            on="UPDATE",
            when="OLD.revoked_at IS NOT NULL OR "
            + any_changed(
                "delegator_id", "delegate_id", "models_pattern", "reason", "starts_at", "ends_at", "created_at"
            ),
            message="approvals_delegation is kept",
        ),
        Guard(
            "approvals_delegation",
            "people",
            on="INSERT",
            when="EXISTS (SELECT 1 FROM accounts_user account "
            "WHERE account.id IN (NEW.delegator_id, NEW.delegate_id) AND account.is_service)",
            message="people delegate, and to people",
        ),
        Guard(
            "approvals_delegation",
            "short",
            on="INSERT",
            when={
                "sqlite": "julianday(NEW.ends_at) - julianday(NEW.starts_at) > 90.00001",
                "postgresql": "NEW.ends_at > NEW.starts_at + interval '90 days'",
            },
            message="a delegation lasts at most 90 days",
        ),
        Guard(
            "approvals_transitionrequest",
            "states",
            on="UPDATE",
            when="NEW.state {differs} OLD.state AND OLD.state || ' ' || NEW.state NOT IN ('open approved', "
            "'open rejected', 'open withdrawn', 'open expired', 'open stale', 'approved applied', 'approved rejected', "
            "'approved withdrawn', 'approved expired', 'approved stale')",
            message="a transition request cannot change its state like that",
        ),
        Guard("approvals_transitionrequest", "no_delete", on="DELETE", message="transition requests are never deleted"),
        Guard(
            "approvals_approvalcomment",
            "thread",
            on=("INSERT", "UPDATE"),
            when="NEW.reply_to_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM approvals_approvalcomment parent "
            "WHERE parent.id = NEW.reply_to_id AND parent.version_id = NEW.version_id)",
            message="a reply is on the version of what it answers",
        ),
    ]

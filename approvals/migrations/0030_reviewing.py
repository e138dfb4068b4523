"""Signatures that are whole, delegations, replies, and whom a request concerns.

SQLite rebuilds the tables of reviews and overrides, which drops their triggers (0002, 0004): they are taken off before and
put back after. A review now may also not be given on behalf of the requester, and only by whom that person delegated to.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_TABLES = ("approvals_review", "approvals_override")
_OWN = (
    "SELECT 1 FROM approvals_transitionrequest asked "
    "WHERE asked.id = NEW.request_id AND asked.requester_id IN (NEW.reviewer_id, NEW.on_behalf_of_id)"
)
_OLD_OWN = (
    "SELECT 1 FROM approvals_transitionrequest asked WHERE asked.id = NEW.request_id AND asked.requester_id = NEW.reviewer_id"
)
_LENT = (
    "SELECT 1 FROM approvals_delegation lent "
    "WHERE lent.delegator_id = NEW.on_behalf_of_id AND lent.delegate_id = NEW.reviewer_id"
)
_NOT_OWN = "a requester cannot review their own request"
_NOT_LENT = "a review on behalf of somebody needs their delegation"
_ROBOT = "SELECT 1 FROM accounts_user account WHERE account.id IN (NEW.delegator_id, NEW.delegate_id) AND account.is_service"
_PARENT = "SELECT 1 FROM approvals_approvalcomment parent WHERE parent.id = NEW.reply_to_id AND parent.version_id = NEW.version_id"
_KEPT = ("delegator_id", "delegate_id", "models_pattern", "reason", "starts_at", "ends_at", "created_at")


def _abort(editor, name, event, when, message):
    editor.execute(f"CREATE TRIGGER {name} BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END")


def take_off(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for table in _TABLES:
            for verb in ("update", "delete"):
                schema_editor.execute(f"DROP TRIGGER {table}_no_{verb}")
        schema_editor.execute("DROP TRIGGER approvals_review_not_own")


def _freeze(editor):
    for table in _TABLES:
        for verb in ("UPDATE", "DELETE"):
            editor.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def put_back(apps, schema_editor):
    """Put the old triggers back (the way backwards)."""
    if schema_editor.connection.vendor == "sqlite":
        _freeze(schema_editor)
        _abort(
            schema_editor, "approvals_review_not_own", "INSERT ON approvals_review", f"EXISTS ({_OLD_OWN})", _NOT_OWN
        )


def guard(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        _guard_sqlite(schema_editor)
    else:
        _guard_postgresql(schema_editor)


def _guard_sqlite(editor):
    _freeze(editor)
    _abort(editor, "approvals_review_not_own", "INSERT ON approvals_review", f"EXISTS ({_OWN})", _NOT_OWN)
    lent = f"NEW.on_behalf_of_id IS NOT NULL AND NOT EXISTS ({_LENT})"
    _abort(editor, "approvals_review_lent", "INSERT ON approvals_review", lent, _NOT_LENT)
    changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in _KEPT)
    table = "approvals_delegation"
    _abort(editor, f"{table}_kept", f"UPDATE ON {table}", f"OLD.revoked_at IS NOT NULL OR {changed}", f"{table} is kept")
    editor.execute(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is kept'); END"
    )
    long = "julianday(NEW.ends_at) - julianday(NEW.starts_at) > 90.00001"
    _abort(editor, f"{table}_short", f"INSERT ON {table}", long, "a delegation lasts at most 90 days")
    _abort(editor, f"{table}_people", f"INSERT ON {table}", f"EXISTS ({_ROBOT})", "people delegate, and to people")
    reply = f"NEW.reply_to_id IS NOT NULL AND NOT EXISTS ({_PARENT})"
    for verb in ("INSERT", "UPDATE"):
        _abort(
            editor,
            f"approvals_comment_thread_{verb.lower()}",
            f"{verb} ON approvals_approvalcomment",
            reply,
            "a reply is on the version of what it answers",
        )


def _guard_postgresql(editor):
    def function(name, body):
        editor.execute(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$"
        )

    def refuse(when, message):
        return f"IF {when} THEN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "

    lent = f"NEW.on_behalf_of_id IS NOT NULL AND NOT EXISTS ({_LENT})"
    function("custody_not_own_request", refuse(f"EXISTS ({_OWN})", _NOT_OWN) + refuse(lent, _NOT_LENT))
    long = "NEW.ends_at > NEW.starts_at + interval '90 days'"
    function(
        "custody_delegation",
        refuse(long, "a delegation lasts at most 90 days") + refuse(f"EXISTS ({_ROBOT})", "people delegate, and to people"),
    )
    changed = " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in _KEPT)
    function(
        "custody_delegation_kept", refuse(f"OLD.revoked_at IS NOT NULL OR {changed}", "approvals_delegation is kept")
    )
    reply = f"NEW.reply_to_id IS NOT NULL AND NOT EXISTS ({_PARENT})"
    function("custody_comment_thread", refuse(reply, "a reply is on the version of what it answers"))
    each = "FOR EACH ROW EXECUTE FUNCTION"
    table = "approvals_delegation"
    editor.execute(f"CREATE TRIGGER {table}_made BEFORE INSERT ON {table} {each} custody_delegation()")
    editor.execute(f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table} {each} custody_delegation_kept()")
    editor.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {each} custody_append_only()")
    editor.execute(
        "CREATE TRIGGER approvals_comment_thread BEFORE INSERT OR UPDATE ON approvals_approvalcomment "
        f"{each} custody_comment_thread()"
    )


def unguard(apps, schema_editor):
    editor = schema_editor
    table = "approvals_delegation"
    if editor.connection.vendor == "sqlite":
        take_off(apps, editor)
        editor.execute("DROP TRIGGER approvals_review_lent")
        for name in ("kept", "no_delete", "short", "people"):
            editor.execute(f"DROP TRIGGER {table}_{name}")
        for verb in ("insert", "update"):
            editor.execute(f"DROP TRIGGER approvals_comment_thread_{verb}")
        return
    for name in ("made", "kept", "no_delete"):
        editor.execute(f"DROP TRIGGER {table}_{name} ON {table}")
    editor.execute("DROP TRIGGER approvals_comment_thread ON approvals_approvalcomment")
    for name in ("custody_delegation", "custody_delegation_kept", "custody_comment_thread"):
        editor.execute(f"DROP FUNCTION {name}()")
    editor.execute(
        "CREATE OR REPLACE FUNCTION custody_not_own_request() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF EXISTS ({_OLD_OWN}) THEN RAISE EXCEPTION '{_NOT_OWN}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
    )


class Migration(migrations.Migration):

    dependencies = [
        ('approvals', '0041_oversight_triggers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(take_off, put_back),
        migrations.CreateModel(
            name='Concern',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('asked', 'Asked'), ('kept_out', 'Kept Out')], max_length=8)),
                ('key', models.CharField(max_length=200)),
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
            ],
        ),
        migrations.AddField(
            model_name='approvalcomment',
            name='reply_to',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replies', to='approvals.approvalcomment'),
        ),
        migrations.AddField(
            model_name='override',
            name='meaning',
            field=models.CharField(blank=True, default='', max_length=200),
        ),
        migrations.AddField(
            model_name='override',
            name='printed_name',
            field=models.CharField(blank=True, default='', max_length=300),
        ),
        migrations.AddField(
            model_name='override',
            name='signed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='transitionrequest',
            name='look',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='transitionrequest',
            name='looked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='transitionrequest',
            name='reminded_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('meaning', ''), ('printed_name', ''), ('signed_at__isnull', True)), models.Q(models.Q(('meaning', ''), _negated=True), models.Q(('printed_name', ''), _negated=True), ('signed_at__isnull', False)), _connector='OR'), name='approvals_override_signed_whole'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('meaning', ''), ('printed_name', ''), ('signed_at__isnull', True)), models.Q(models.Q(('meaning', ''), _negated=True), models.Q(('printed_name', ''), _negated=True), ('signed_at__isnull', False)), _connector='OR'), name='approvals_review_signed_whole'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('on_behalf_of__isnull', True), models.Q(('on_behalf_of', models.F('reviewer')), _negated=True), _connector='OR'), name='approvals_review_for_another'),
        ),
        migrations.AddField(
            model_name='concern',
            name='request',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='concerns', to='approvals.transitionrequest'),
        ),
        migrations.AddField(
            model_name='delegation',
            name='delegate',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='delegation',
            name='delegator',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='concern',
            index=models.Index(fields=['kind', 'key', 'request'], name='approvals_concern_inbox'),
        ),
        migrations.AddConstraint(
            model_name='concern',
            constraint=models.UniqueConstraint(fields=('request', 'kind', 'key'), name='approvals_concern_once'),
        ),
        migrations.AddConstraint(
            model_name='concern',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['asked', 'kept_out'])), name='approvals_concern_kind'),
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
        migrations.RunPython(guard, unguard),
    ]

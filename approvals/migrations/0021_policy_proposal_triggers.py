"""Four eyes on policies, as the database states it.

What is proposed never changes, and a closed proposal not at all. Nobody reviews their own proposal, or that of a service
account they own, and a review names the digest of an open proposal. A revision after the first, and every revision once
there has been a proposal, rests on an approving review of just that body; so do retiring a policy and bringing it back.
"""

from django.db import migrations

_REVIEW = "approvals_policyreview"
_PROPOSAL = "approvals_policyproposal"
_REVISION = "approvals_policyrevision"
_POLICY = "approvals_policy"

_FIXED = ("name", "kind", "body", "body_digest", "digest", "base_revision_id", "proposer_id", "comment", "opened_at")
_UNSOUND = (
    f"NOT EXISTS (SELECT 1 FROM {_PROPOSAL} p JOIN accounts_user proposer ON proposer.id = p.proposer_id "
    "JOIN accounts_user reviewer ON reviewer.id = NEW.reviewer_id "
    "WHERE p.id = NEW.proposal_id AND p.state = 'open' AND p.digest = NEW.digest AND reviewer.id <> proposer.id "
    "AND reviewer.id <> COALESCE(proposer.owner_id, 0) AND NOT reviewer.is_service)"
)
_APPROVED = (
    f"EXISTS (SELECT 1 FROM {_PROPOSAL} p JOIN {_REVIEW} r ON r.proposal_id = p.id "
    "WHERE p.state = 'open' AND r.decision = 'approve' AND r.digest = p.digest AND "
)
_UNAPPROVED_REVISION = (
    f"(NEW.number > 1 OR EXISTS (SELECT 1 FROM {_PROPOSAL})) AND NOT {_APPROVED} p.kind = 'publish' "
    f"AND p.body_digest = NEW.digest AND p.name = (SELECT o.name FROM {_POLICY} o WHERE o.id = NEW.policy_id))"
)
_UNAPPROVED_SWITCH = (
    f"OLD.is_active <> NEW.is_active AND NOT {_APPROVED} p.name = NEW.name "
    "AND p.kind = CASE WHEN NEW.is_active THEN 'publish' ELSE 'retire' END)"
)


def _changed(differs):
    fixed = " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in _FIXED)
    return f"OLD.state <> 'open' OR {fixed}"


# (trigger, table, verb, when it refuses, what it says)
def _guards(differs):
    return (
        ("policyproposal_stays", _PROPOSAL, "UPDATE", _changed(differs), "what is proposed never changes"),
        ("policyreview_four_eyes", _REVIEW, "INSERT", _UNSOUND, "a policy is reviewed by another person, as it reads"),
        ("policyrevision_reviewed", _REVISION, "INSERT", _UNAPPROVED_REVISION, "a policy revision needs a review"),
        ("policy_switch_reviewed", _POLICY, "UPDATE", _UNAPPROVED_SWITCH, "retiring a policy needs a review"),
    )


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for table, verbs in ((_REVIEW, ("UPDATE", "DELETE")), (_PROPOSAL, ("DELETE",))):
            for verb in verbs:
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        for name, table, verb, when, says in _guards("IS NOT"):
            schema_editor.execute(
                f"CREATE TRIGGER approvals_{name} BEFORE {verb} ON {table} WHEN {when} "
                f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
            )
        return
    for table, verbs in ((_REVIEW, "UPDATE OR DELETE"), (_PROPOSAL, "DELETE")):
        schema_editor.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE {verbs} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
        )
    for name, table, verb, when, says in _guards("IS DISTINCT FROM"):
        schema_editor.execute(
            f"CREATE FUNCTION custody_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN IF {when} THEN RAISE EXCEPTION '{says}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
        )
        schema_editor.execute(
            f"CREATE TRIGGER approvals_{name} BEFORE {verb} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION custody_{name}()"
        )


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for trigger in (f"{_REVIEW}_no_update", f"{_REVIEW}_no_delete", f"{_PROPOSAL}_no_delete"):
            schema_editor.execute(f"DROP TRIGGER {trigger}")
        for name, *_ in _guards("IS NOT"):
            schema_editor.execute(f"DROP TRIGGER approvals_{name}")
        return
    for table in (_REVIEW, _PROPOSAL):
        schema_editor.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    for name, table, *_ in _guards("IS DISTINCT FROM"):
        schema_editor.execute(f"DROP TRIGGER approvals_{name} ON {table}")
        schema_editor.execute(f"DROP FUNCTION custody_{name}()")


class Migration(migrations.Migration):
    dependencies = [("approvals", "0020_policy_proposals"), ("audit", "0002_append_only"), ("accounts", "0001_initial")]
    operations = [migrations.RunPython(forbid, allow)]

"""Every audit action, sorted by its code (`area.object.verb`, past tense), with its phrases and display.

An action that is not listed here cannot be recorded, and one without its phrases cannot be listed (RecordedAction).
"""

from __future__ import annotations

from enum import unique

from audit.action_records import ActionRecord, Display, Mark, RecordedAction, Verb, change_of, value_of

# fmt: off
from audit.action_phrases import (  # isort: skip
    ADDED, BY_NAME, BY_RULE, BY_STAGE, BY_TAGS, BY_TITLE, CHANGED, CHECK_KEY, CLOSED, CREATED, DATASET, DELETED,
    EDITED, ENDED, EXPERIMENT, FINDING, IMPORTED, LOGGED, LOGGED_MODEL, MARKED, MODEL, NODE, OPENED, POLICY,
    PROPOSAL, PUBLISHED, REGISTERED, REJECTED, REQUEST, RESTORED, RETIRED, REVIEWED, REVOKED, RULE_CHECKED, RUN,
    SET, STARTED, TRACE, UPDATED, USER, VERSION, WEBHOOK, WITHDREW, brief, display
)
# fmt: on


@unique
class Action(RecordedAction):
    """An action that was done (outcome `ok`) or refused (outcome `denied`).

    The values of a row are: code, verb, object phrase, subject, display (ActionRecord).
    """

    # One row for each action.
    # fmt: off
    ACCOUNT_APPROVAL_SESSION_ENDED = "account.approval_session.ended", ENDED, "an approval session of {object}", USER
    ACCOUNT_APPROVAL_SESSION_STARTED = "account.approval_session.started", STARTED, "an approval session"
    ACCOUNT_AUTHENTICATION_FAILED = (
        "account.authentication.failed", Verb("failed to sign in as", "sign in as"), "{object}", USER, display("bad", "no_accounts"),
    )
    ACCOUNT_CONFIRMED = "account.confirmed", Verb("confirmed", "confirm"), "the account of {object}", USER
    ACCOUNT_GROUP_CHANGED = "account.group.changed", CHANGED, "{object}", "a group"
    ACCOUNT_IDENTITY_LINKED = (
        "account.identity.linked", Verb("linked", "link"), "the account of {object} to an identity provider", USER,
        display("none", "link", "provider"),
    )
    ACCOUNT_IDENTITY_UNLINKED = (
        "account.identity.unlinked", Verb("unlinked", "unlink"), "the account of {object} from an identity provider", USER,
        display("none", "link_off", "provider"),
    )
    ACCOUNT_INVITATION_ISSUED = (
        "account.invitation.issued", Verb("invited", "invite"), "{object}", "a person", display("none", "mail", "provider"),
    )
    ACCOUNT_INVITATION_WITHDRAWN = (
        "account.invitation.withdrawn", WITHDREW, "the invitation of {object}", "a person", display("none", "undo", "provider"),
    )
    ACCOUNT_MEMBERSHIP_CHANGED = (
        "account.membership.changed", CHANGED, "when a membership of {object} ends", USER, display("none", "event", "group"),
    )
    ACCOUNT_MEMBERSHIP_EXPIRED = (
        "account.membership.expired", ENDED, "an expired membership of {object}", USER, display("none", "group_off", "group"),
    )
    ACCOUNT_MEMBERSHIP_REMINDED = (
        "account.membership.reminded", Verb("announced the end of", "announce the end of"), "a membership of {object}", USER,
        display("none", "event", "group"),
    )
    ACCOUNT_PASSKEY_ADDED = (
        "account.passkey.added", Verb("added", "add"), "a passkey of {object}", USER, display("none", "passkey", "name"),
    )
    ACCOUNT_PASSKEY_REMOVED = (
        "account.passkey.removed", Verb("removed", "remove"), "a passkey of {object}", USER, display("none", "key_off", "name"),
    )
    ACCOUNT_PERSON_ERASED = (
        "account.person.erased", Verb("erased", "erase"), "{object}", USER, display("bad", "person_remove"),
    )
    ACCOUNT_REAUTHENTICATED = (
        "account.reauthenticated", Verb("confirmed their identity as", "confirm their identity as"), "{object}", USER,
    )
    ACCOUNT_RECOVERY_CODES_RENEWED = (
        "account.recovery_codes.renewed", Verb("renewed", "renew"), "the recovery codes of {object}", USER, display("none", "key"),
    )
    ACCOUNT_SECOND_FACTOR_ADDED = (
        "account.second_factor.added", Verb("added", "add"), "an authenticator app of {object}", USER,
        display("none", "phonelink_lock"),
    )
    ACCOUNT_SECOND_FACTOR_REMOVED = (
        "account.second_factor.removed", Verb("removed", "remove"), "the authenticator app of {object}", USER,
        display("none", "phonelink_erase"),
    )
    ACCOUNT_SESSIONS_ENDED = (
        "account.sessions.ended", ENDED, "sessions of {object}", USER, display("none", "logout", "sessions_ended"),
    )
    ACCOUNT_SIGN_IN_LINK_ISSUED = (
        "account.sign_in_link.issued", Verb("issued", "issue"), "a sign-in link to {object}", USER, display("bad", "key"),
    )
    ACCOUNT_SIGNED_IN = "account.signed_in", Verb("signed in", "sign in"), ""
    ACCOUNT_SIGNED_OUT = "account.signed_out", Verb("signed out", "sign out"), ""
    ACCOUNT_TOKEN_EXCHANGED = (
        "account.token.exchanged", Verb("exchanged", "exchange"), "an identity token for a token of {object}", USER,
        display("none", "swap_horiz", "label"),
    )
    ACCOUNT_TOKEN_ISSUED = (
        "account.token.issued", Verb("issued", "issue"), "an API token to {object}", USER, display("none", "key", "label"),
    )
    ACCOUNT_TOKEN_REVOKED = "account.token.revoked", REVOKED, "an API token of {object}", USER, display("none", "key_off")
    ACCOUNT_TRUSTED_PUBLISHER_ADDED = (
        "account.trusted_publisher.added", Verb("added", "add"), "a trusted publisher of {object}", USER,
        display("none", "verified_user", "name"),
    )
    ACCOUNT_TRUSTED_PUBLISHER_DELETED = (
        "account.trusted_publisher.deleted", DELETED, "a trusted publisher of {object}", USER,
        display("none", "remove_moderator", "name"),
    )
    ACCOUNT_USER_CHANGED = "account.user.changed", CHANGED, "the account of {object}", USER
    ACCOUNT_USER_CREATED = "account.user.created", CREATED, "the account of {object}", USER
    API_CALLED = "api.called", Verb("called", "call"), "{object}", "an API route"
    APPROVALS_CHECK_CANCELLED = (
        "approvals.check.cancelled", Verb("cancelled", "cancel"), "a check of {object}", REQUEST, BY_RULE,
    )
    APPROVALS_CHECK_FINISHED = (
        "approvals.check.finished", Verb("finished", "finish"), "a check of {object}", REQUEST, RULE_CHECKED,
    )
    APPROVALS_CHECK_QUEUED = (
        "approvals.check.queued", Verb("queued", "queue"), "a check of {object}", REQUEST, Display(Mark("none", "schedule"), value_of("rule"), merges=True),
    )
    APPROVALS_CHECK_REQUEUED = (
        "approvals.check.requeued", Verb("requeued", "requeue"), "a lost check of {object}", REQUEST, BY_RULE,
    )
    APPROVALS_CHECK_KEY_ADDED = (
        "approvals.check_key.added", Verb("allowed", "allow"), "{object} to sign check results", CHECK_KEY,
    )
    APPROVALS_CHECK_KEY_REVOKED = "approvals.check_key.revoked", REVOKED, "{object}", CHECK_KEY
    APPROVALS_CHECK_RESULT_POSTED = (
        "approvals.check_result.posted", Verb("posted", "post"), "the result of an external check of {object}", REQUEST,
    )
    APPROVALS_COMMENT_ADDED = (
        "approvals.comment.added", Verb("commented on", "comment on"), "{object}", VERSION, brief("text"),
    )
    APPROVALS_COMMENT_DELETED = "approvals.comment.deleted", DELETED, "a comment on {object}", VERSION
    APPROVALS_COMMENT_EDITED = "approvals.comment.edited", EDITED, "a comment on {object}", VERSION
    APPROVALS_CONDITION_REMINDED = (
        "approvals.condition.reminded", Verb("gave notice of", "give notice of"), "a condition of {object}", REQUEST,
        display("wait", "alarm", "text"),
    )
    APPROVALS_DELEGATION_GIVEN = (
        "approvals.delegation.given", Verb("delegated", "delegate"), "the review rights of {object}", USER, brief("delegate"),
    )
    APPROVALS_DELEGATION_REVOKED = "approvals.delegation.revoked", REVOKED, "a delegation by {object}", USER
    APPROVALS_FINDING_ASSIGNED = "approvals.finding.assigned", Verb("assigned", "assign"), "{object}", FINDING
    APPROVALS_FINDING_CLOSED = "approvals.finding.closed", CLOSED, "{object}", FINDING
    APPROVALS_FINDING_FELL_DUE = "approvals.finding.fell_due", MARKED, "{object} as overdue", FINDING, BY_TITLE
    APPROVALS_FINDING_OPENED = "approvals.finding.opened", OPENED, "{object}", FINDING, BY_TITLE
    APPROVALS_GLASS_BROKEN = "approvals.glass.broken", Verb("used", "use"), "break-glass for {object}", REQUEST
    APPROVALS_OVERRIDE_WITHDRAWN = "approvals.override.withdrawn", WITHDREW, "an override of a rule of {object}", REQUEST
    APPROVALS_POLICY_PUBLISHED = "approvals.policy.published", PUBLISHED, "{object}", POLICY, display("info", "gavel")
    APPROVALS_POLICY_RETIRED = "approvals.policy.retired", RETIRED, "{object}", POLICY, display("bad", "gavel")
    APPROVALS_POST_REVIEW_COMPLETED = (
        "approvals.post_review.completed", Verb("completed", "complete"), "the post-review of {object}", REQUEST,
    )
    APPROVALS_POST_REVIEW_FELL_DUE = (
        "approvals.post_review.fell_due", MARKED, "the post-review of {object} as overdue", REQUEST,
    )
    APPROVALS_PROPOSAL_OPENED = (
        "approvals.proposal.opened", Verb("opened", "propose a change of"), "{object}", PROPOSAL, brief("policy"),
    )
    APPROVALS_PROPOSAL_REJECTED = "approvals.proposal.rejected", REJECTED, "{object}", PROPOSAL
    APPROVALS_PROPOSAL_REVIEWED = "approvals.proposal.reviewed", REVIEWED, "{object}", PROPOSAL, brief("decision")
    APPROVALS_PROPOSAL_STALED = "approvals.proposal.staled", CLOSED, "{object} as out of date", PROPOSAL
    APPROVALS_PROPOSAL_WITHDRAWN = "approvals.proposal.withdrawn", WITHDREW, "{object}", PROPOSAL
    APPROVALS_RE_REVIEW_FELL_DUE = "approvals.re_review.fell_due", MARKED, "{object} as due for re-review", VERSION
    APPROVALS_RE_REVIEW_GIVEN = "approvals.re_review.given", Verb("re-reviewed", "re-review"), "{object}", VERSION
    APPROVALS_REQUEST_APPLIED = (
        "approvals.request.applied", Verb("applied", "apply"), "{object}", REQUEST, display("ok", "check_circle"),
    )
    APPROVALS_REQUEST_APPROVED = (
        "approvals.request.approved", Verb("completed the approval of", "approve"), "{object}", REQUEST, display("ok", "task_alt"),
    )
    APPROVALS_REQUEST_CHANGED = "approvals.request.changed", CHANGED, "{object}", REQUEST, Display(brief=change_of("policy"))
    APPROVALS_REQUEST_EXPIRED = (
        "approvals.request.expired", CLOSED, "{object} as expired", REQUEST, display("none", "timer_off"),
    )
    APPROVALS_REQUEST_OPENED = "approvals.request.opened", OPENED, "{object}", REQUEST, display("info", "approval")
    APPROVALS_REQUEST_REJECTED = "approvals.request.rejected", REJECTED, "{object}", REQUEST, display("bad", "cancel")
    APPROVALS_REQUEST_REMINDED = "approvals.request.reminded", Verb("reminded", "remind"), "the reviewers of {object}", REQUEST
    APPROVALS_REQUEST_STALED = (
        "approvals.request.staled", CLOSED, "{object} as stale", REQUEST, display("none", "sync_problem"),
    )
    APPROVALS_REQUEST_WITHDRAWN = "approvals.request.withdrawn", WITHDREW, "{object}", REQUEST, display("none", "undo")
    APPROVALS_REVIEW_GIVEN = (
        "approvals.review.given", REVIEWED, "{object}", REQUEST, display("info", "rate_review", "decision"),
    )
    APPROVALS_RULE_OVERRIDDEN = (
        "approvals.rule.overridden", Verb("overrode", "override"), "a rule of {object}", REQUEST, BY_RULE,
    )
    AUDIT_EXPORTED = (
        "audit.exported", Verb("exported", "export"), "events of {object}", "a model or of the audit log", display("none", "download"),
    )
    AUDIT_LOG_CONTINUED = (
        "audit.log.continued", Verb("continued", "continue"), "{object} after a restore", "the audit log",
        display("bad", "settings_backup_restore"),
    )
    AUDIT_LOG_STARTED = (
        "audit.log.started", STARTED, "{object} anew", "the audit log", display("bad", "restart_alt"),
    )
    AUDIT_LOG_KEY_ROTATED = (
        "audit.log_key.rotated", Verb("changed", "change"), "the key of {object}", "the audit log", display("bad", "key"),
    )
    LINEAGE_DATASET_DESCRIBED = "lineage.dataset.described", Verb("described", "describe"), "the files of {object}", DATASET
    LINEAGE_DEPLOYMENT_ATTESTED = (
        "lineage.deployment.attested", Verb("attested", "attest"), "the files that {object} loaded", "a deployment",
        display("none", "fingerprint", "digest"),
    )
    LINEAGE_DEPLOYMENT_ENDED = "lineage.deployment.ended", ENDED, "{object}", "a deployment"
    LINEAGE_DEPLOYMENT_REGISTERED = (
        "lineage.deployment.registered", REGISTERED, "{object}", "a deployment", display("info", "rocket_launch", "version"),
    )
    LINEAGE_EDGE_DECLARED = "lineage.edge.declared", Verb("declared", "declare"), "an input of {object}", NODE
    LINEAGE_EDGE_RETRACTED = "lineage.edge.retracted", Verb("retracted", "retract"), "an input of {object}", NODE
    LINEAGE_EVENTS_RECEIVED = (
        "lineage.events.received", Verb("sent", "send"), "OpenLineage events about {object}", "a run, job or dataset",
    )
    LINEAGE_NAMES_JOINED = (
        "lineage.names.joined", Verb("joined", "join"), "two names of {object}", "a dataset", display("none", "link"),
    )
    LINEAGE_NAMES_SEPARATED = (
        "lineage.names.separated", Verb("separated", "separate"), "two names of {object}", "a dataset",
        display("none", "link_off"),
    )
    LINEAGE_QUARANTINE_PLACED = "lineage.quarantine.placed", Verb("quarantined", "quarantine"), "{object}", DATASET
    LINEAGE_QUARANTINE_RELEASED = (
        "lineage.quarantine.released", Verb("released", "release"), "{object} from quarantine", DATASET,
    )
    LINEAGE_SUGGESTION_CONFIRMED = (
        "lineage.suggestion.confirmed", Verb("confirmed", "confirm"), "a suggested input of {object}", NODE,
    )
    LINEAGE_SUGGESTION_REJECTED = (
        "lineage.suggestion.rejected", Verb("rejected", "reject"), "a suggested input of {object}", NODE,
    )
    NOTICES_CHAT_CHANGED = "notices.chat.changed", CHANGED, "the chat address of {object}", USER
    NOTICES_TEST_SENT = "notices.test.sent", Verb("sent", "send"), "a test notification to {object}", USER
    REGISTRY_ALIAS_DELETED = "registry.alias.deleted", DELETED, "an alias of {object}", MODEL
    REGISTRY_ALIAS_SET = "registry.alias.set", SET, "an alias of {object}", MODEL, display("none", "label", "alias")
    REGISTRY_ATTESTATION_FELL_DUE = (
        "registry.attestation.fell_due", Verb("recorded", "record"), "that the attestation of {object} is overdue", MODEL,
        display("wait", "event_busy"),
    )
    REGISTRY_CARD_CREATED = "registry.card.created", CREATED, "the card of {object}", VERSION, display("none", "description")
    REGISTRY_CARD_EDITED = "registry.card.edited", EDITED, "the card of {object}", VERSION, display("none", "edit_document")
    REGISTRY_FILES_ERASED = (
        "registry.files.erased", Verb("erased", "erase"), "the files of {object}", VERSION, display("bad", "delete_forever", "digest"),
    )
    REGISTRY_INVENTORY_CHANGED = (
        "registry.inventory.changed", CHANGED, "the inventory entry of {object}", MODEL, display("none", "inventory_2"),
    )
    REGISTRY_MODEL_ATTESTED = (
        "registry.model.attested", Verb("attested", "attest"), "{object}", MODEL, display("ok", "task_alt"),
    )
    REGISTRY_MODEL_CREATED = "registry.model.created", CREATED, "{object}", MODEL, ADDED
    REGISTRY_MODEL_DELETED = "registry.model.deleted", DELETED, "{object}", MODEL
    REGISTRY_MODEL_IMPORTED = "registry.model.imported", IMPORTED, "{object}", MODEL
    REGISTRY_MODEL_RENAMED = "registry.model.renamed", Verb("renamed", "rename"), "{object}", MODEL
    REGISTRY_MODEL_UPDATED = "registry.model.updated", UPDATED, "{object}", MODEL
    REGISTRY_MODEL_RETIREMENT_ASKED = (
        "registry.model_retirement.asked", Verb("asked", "ask"), "that {object} be retired", MODEL, display("wait", "inventory_2"),
    )
    REGISTRY_MODEL_RETIREMENT_DECIDED = (
        "registry.model_retirement.decided", Verb("decided", "decide"), "on the retirement of {object}", MODEL,
        display("info", "inventory_2", "state"),
    )
    REGISTRY_MODEL_RETIREMENT_WITHDRAWN = (
        "registry.model_retirement.withdrawn", WITHDREW, "the request to retire {object}", MODEL, display("none", "undo"),
    )
    REGISTRY_MODEL_TAG_DELETED = "registry.model_tag.deleted", DELETED, "a tag of {object}", MODEL
    REGISTRY_MODEL_TAG_SET = "registry.model_tag.set", SET, "a tag of {object}", MODEL, BY_TAGS
    REGISTRY_PACK_FROZEN = "registry.pack.frozen", Verb("froze", "freeze"), "the conformity pack of {object}", VERSION
    REGISTRY_PERMISSIONS_CHANGED = "registry.permissions.changed", CHANGED, "the permissions of {object}", MODEL
    REGISTRY_PRODUCTION_LEFT = (
        "registry.production.left", Verb("took", "take"), "{object} out of use, with nothing in its place", VERSION,
        display("bad", "logout", "left"),
    )
    REGISTRY_REVIEW_DUE_SET = "registry.review_due.set", SET, "the re-review date of {object}", VERSION
    REGISTRY_RISK_ASSESSED = "registry.risk.assessed", Verb("assessed", "assess"), "the risk of {object}", MODEL
    REGISTRY_STAGE_CHANGED = (
        "registry.stage.changed", CHANGED, "the stage of {object}", VERSION, Display(Mark("ok", "swap_horiz"), BY_STAGE),
    )
    REGISTRY_STAGE_IMPORTED = "registry.stage.imported", IMPORTED, "the stage of {object}", VERSION, Display(brief=BY_STAGE)
    REGISTRY_VERSION_CREATED = "registry.version.created", REGISTERED, "{object}", VERSION, ADDED
    REGISTRY_VERSION_DELETED = "registry.version.deleted", DELETED, "{object}", VERSION
    REGISTRY_VERSION_IMPORTED = "registry.version.imported", IMPORTED, "{object}", VERSION
    REGISTRY_VERSION_UPDATED = "registry.version.updated", UPDATED, "{object}", VERSION
    REGISTRY_VERSION_TAG_DELETED = "registry.version_tag.deleted", DELETED, "a tag of {object}", VERSION
    REGISTRY_VERSION_TAG_SET = "registry.version_tag.set", SET, "a tag of {object}", VERSION, BY_TAGS
    TRACES_ASSESSMENT_CREATED = "traces.assessment.created", CREATED, "an assessment of {object}", TRACE, BY_NAME
    TRACES_ASSESSMENT_DELETED = "traces.assessment.deleted", DELETED, "an assessment of {object}", TRACE
    TRACES_ASSESSMENT_UPDATED = "traces.assessment.updated", UPDATED, "an assessment of {object}", TRACE, BY_NAME
    TRACES_TAG_DELETED = "traces.tag.deleted", DELETED, "a tag of {object}", TRACE
    TRACES_TAG_SET = "traces.tag.set", SET, "a tag of {object}", TRACE, BY_TAGS
    TRACES_TRACES_DELETED = "traces.traces.deleted", DELETED, "traces of {object}", EXPERIMENT
    TRACES_TRACES_LINKED = "traces.traces.linked", Verb("linked", "link"), "traces to {object}", RUN
    TRACES_TRACES_PRUNED = "traces.traces.pruned", DELETED, "old traces of {object}", EXPERIMENT
    TRACKING_ARTIFACT_DELETED = "tracking.artifact.deleted", DELETED, "{object}", "an artifact"
    TRACKING_ARTIFACT_STORED = "tracking.artifact.stored", Verb("stored", "store"), "{object}", "an artifact"
    TRACKING_ARTIFACTS_PRUNED = "tracking.artifacts.pruned", DELETED, "artifact files that nothing refers to"
    TRACKING_ARTIFACTS_SEALED = (
        "tracking.artifacts.sealed", Verb("sealed", "seal"), "{object}", "an artifact folder", display("none", "lock"),
    )
    TRACKING_BATCH_LOGGED = "tracking.batch.logged", LOGGED, "a batch to {object}", RUN
    TRACKING_EXPERIMENT_CREATED = "tracking.experiment.created", CREATED, "{object}", EXPERIMENT
    TRACKING_EXPERIMENT_DELETED = "tracking.experiment.deleted", DELETED, "{object}", EXPERIMENT
    TRACKING_EXPERIMENT_IMPORTED = "tracking.experiment.imported", IMPORTED, "{object}", EXPERIMENT
    TRACKING_EXPERIMENT_PERMISSIONS_CHANGED = (
        "tracking.experiment.permissions_changed", CHANGED, "the permissions of {object}", EXPERIMENT,
    )
    TRACKING_EXPERIMENT_RESTORED = "tracking.experiment.restored", RESTORED, "{object}", EXPERIMENT
    TRACKING_EXPERIMENT_UPDATED = "tracking.experiment.updated", UPDATED, "{object}", EXPERIMENT
    TRACKING_EXPERIMENT_TAG_DELETED = "tracking.experiment_tag.deleted", DELETED, "a tag of {object}", EXPERIMENT
    TRACKING_EXPERIMENT_TAG_SET = "tracking.experiment_tag.set", SET, "a tag of {object}", EXPERIMENT, BY_TAGS
    TRACKING_INPUTS_LOGGED = "tracking.inputs.logged", LOGGED, "inputs of {object}", RUN
    TRACKING_LOGGED_MODEL_CREATED = "tracking.logged_model.created", CREATED, "{object}", LOGGED_MODEL
    TRACKING_LOGGED_MODEL_DELETED = "tracking.logged_model.deleted", DELETED, "{object}", LOGGED_MODEL
    TRACKING_LOGGED_MODEL_FINALIZED = (
        "tracking.logged_model.finalized", Verb("finalized", "finalize"), "{object}", LOGGED_MODEL,
    )
    TRACKING_LOGGED_MODEL_IMPORTED = "tracking.logged_model.imported", IMPORTED, "{object}", LOGGED_MODEL
    TRACKING_LOGGED_MODEL_PARAMS_LOGGED = (
        "tracking.logged_model_params.logged", LOGGED, "parameters of {object}", LOGGED_MODEL,
    )
    TRACKING_LOGGED_MODEL_TAG_DELETED = "tracking.logged_model_tag.deleted", DELETED, "a tag of {object}", LOGGED_MODEL
    TRACKING_LOGGED_MODEL_TAGS_SET = "tracking.logged_model_tags.set", SET, "tags of {object}", LOGGED_MODEL, BY_TAGS
    TRACKING_METRIC_LOGGED = "tracking.metric.logged", LOGGED, "a metric of {object}", RUN
    TRACKING_METRICS_IMPORTED = "tracking.metrics.imported", IMPORTED, "metrics of {object}", RUN
    TRACKING_OUTPUTS_LOGGED = "tracking.outputs.logged", LOGGED, "outputs of {object}", RUN
    TRACKING_PARAM_LOGGED = "tracking.param.logged", LOGGED, "a parameter of {object}", RUN
    TRACKING_RUN_CREATED = "tracking.run.created", STARTED, "{object}", RUN, display("none", "play_circle")
    TRACKING_RUN_DELETED = "tracking.run.deleted", DELETED, "{object}", RUN
    TRACKING_RUN_IMPORTED = "tracking.run.imported", IMPORTED, "{object}", RUN
    TRACKING_RUN_RESTORED = "tracking.run.restored", RESTORED, "{object}", RUN
    TRACKING_RUN_UPDATED = "tracking.run.updated", UPDATED, "{object}", RUN
    TRACKING_RUN_MODELS_IMPORTED = "tracking.run_models.imported", IMPORTED, "the model inputs and outputs of {object}", RUN
    TRACKING_RUNS_PURGED = "tracking.runs.purged", DELETED, "the contents of runs that were deleted long ago"
    TRACKING_TAG_DELETED = "tracking.tag.deleted", DELETED, "a tag of {object}", RUN
    TRACKING_TAG_SET = "tracking.tag.set", SET, "a tag of {object}", RUN, BY_TAGS
    WEBHOOKS_DELIVERY_RESENT = "webhooks.delivery.resent", Verb("resent", "resend"), "an event to {object}", WEBHOOK
    WEBHOOKS_WEBHOOK_CREATED = "webhooks.webhook.created", CREATED, "{object}", WEBHOOK
    WEBHOOKS_WEBHOOK_DELETED = "webhooks.webhook.deleted", DELETED, "{object}", WEBHOOK
    WEBHOOKS_WEBHOOK_DISABLED = "webhooks.webhook.disabled", Verb("disabled", "disable"), "{object}", WEBHOOK
    WEBHOOKS_WEBHOOK_TESTED = "webhooks.webhook.tested", Verb("tested", "test"), "{object}", WEBHOOK
    WEBHOOKS_WEBHOOK_UPDATED = "webhooks.webhook.updated", UPDATED, "{object}", WEBHOOK
    # fmt: on


def record_of(code: str) -> ActionRecord:
    """Return the record of an action; one made of its code for an action that this version does not know."""
    try:
        return Action(code).record
    except ValueError:
        return ActionRecord(Verb(f"did {code} on", f"do {code} on"))

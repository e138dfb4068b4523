"""Every audit action, sorted by its code (`area.object.verb`, past tense), with all that is said of it.

An action that is not listed here cannot be recorded, and one without its phrases cannot be listed (RecordedAction).
"""

from __future__ import annotations

from enum import unique

from audit.action_records import (
    ActionRecord,
    Display,
    Mark,
    RecordedAction,
    Verb,
    change_of,
    check_result,
    pairs,
    value_of,
)

_CHANGED = Verb("changed", "change")
_CLOSED = Verb("closed", "close")
_CREATED = Verb("created", "create")
_DELETED = Verb("deleted", "delete")
_EDITED = Verb("edited", "edit")
_ENDED = Verb("ended", "end")
_IMPORTED = Verb("imported", "import")
_LOGGED = Verb("logged", "log")
_MARKED = Verb("marked", "mark")
_OPENED = Verb("opened", "open")
_REGISTERED = Verb("registered", "register")
_REJECTED = Verb("rejected", "reject")
_RESTORED = Verb("restored", "restore")
_REVIEWED = Verb("reviewed", "review")
_REVOKED = Verb("revoked", "revoke")
_SET = Verb("set", "set")
_STARTED = Verb("started", "start")
_UPDATED = Verb("updated", "update")
_WITHDREW = Verb("withdrew", "withdraw")

_CHECK_KEY = "a check key"
_DATASET = "a dataset version"
_EXPERIMENT = "an experiment"
_FINDING = "a finding"
_LOGGED_MODEL = "a logged model"
_MODEL = "a registered model"
_NODE = "a node of the lineage"
_POLICY = "a policy"
_PROPOSAL = "a policy proposal"
_REQUEST = "a transition request"
_RUN = "a run"
_TRACE = "a trace"
_USER = "a user"
_VERSION = "a model version"
_WEBHOOK = "a webhook"


def _display(tone: str, icon: str) -> Display:
    return Display(Mark(tone, icon))


_BY_NAME = Display(brief=value_of("name"))
_BY_RULE = Display(brief=value_of("rule"))
_BY_STAGE = change_of("stage", nothing="None")
_BY_TITLE = Display(brief=value_of("title"))
_BY_TAGS = Display(brief=pairs)
_ADDED = _display("info", "add_circle")
_RULE_CHECKED = Display(Mark("none", "fact_check"), check_result, failures=("failed", "error"), merges=True)


@unique
class Action(RecordedAction):
    """What happened (outcome `ok`) or was refused (outcome `denied`): code, verb, the rest of the phrase, subject, display."""

    # One row for each action.
    # fmt: off
    ACCOUNT_APPROVAL_SESSION_ENDED = "account.approval_session.ended", _ENDED, "an approval session of {object}", _USER
    ACCOUNT_APPROVAL_SESSION_STARTED = "account.approval_session.started", _STARTED, "an approval session"
    ACCOUNT_AUTHENTICATION_FAILED = (
        "account.authentication.failed", Verb("failed to sign in as", "sign in as"), "{object}", _USER, _display("bad", "no_accounts"),
    )
    ACCOUNT_GROUP_CHANGED = "account.group.changed", _CHANGED, "{object}", "a group"
    ACCOUNT_REAUTHENTICATED = (
        "account.reauthenticated", Verb("confirmed their identity as", "confirm their identity as"), "{object}", _USER,
    )
    ACCOUNT_SIGNED_IN = "account.signed_in", Verb("signed in", "sign in"), ""
    ACCOUNT_SIGNED_OUT = "account.signed_out", Verb("signed out", "sign out"), ""
    ACCOUNT_TOKEN_ISSUED = (
        "account.token.issued", Verb("issued", "issue"), "an API token to {object}", _USER, Display(Mark("none", "key"), value_of("label")),
    )
    ACCOUNT_TOKEN_REVOKED = (
        "account.token.revoked", _REVOKED, "an API token of {object}", _USER, _display("none", "key_off"),
    )
    ACCOUNT_USER_CHANGED = "account.user.changed", _CHANGED, "the account of {object}", _USER
    ACCOUNT_USER_CREATED = "account.user.created", _CREATED, "the account of {object}", _USER
    API_CALLED = "api.called", Verb("called", "call"), "{object}", "an API route"
    APPROVALS_CHECK_CANCELLED = (
        "approvals.check.cancelled", Verb("cancelled", "cancel"), "a check of {object}", _REQUEST, _BY_RULE,
    )
    APPROVALS_CHECK_FINISHED = (
        "approvals.check.finished", Verb("finished", "finish"), "a check of {object}", _REQUEST, _RULE_CHECKED,
    )
    APPROVALS_CHECK_QUEUED = (
        "approvals.check.queued", Verb("queued", "queue"), "a check of {object}", _REQUEST, Display(Mark("none", "schedule"), value_of("rule"), merges=True),
    )
    APPROVALS_CHECK_REQUEUED = (
        "approvals.check.requeued", Verb("requeued", "requeue"), "a lost check of {object}", _REQUEST, _BY_RULE,
    )
    APPROVALS_CHECK_KEY_ADDED = (
        "approvals.check_key.added", Verb("allowed", "allow"), "{object} to sign check results", _CHECK_KEY,
    )
    APPROVALS_CHECK_KEY_REVOKED = "approvals.check_key.revoked", _REVOKED, "{object}", _CHECK_KEY
    APPROVALS_CHECK_RESULT_POSTED = (
        "approvals.check_result.posted", Verb("posted", "post"), "the result of an external check of {object}", _REQUEST,
    )
    APPROVALS_COMMENT_ADDED = (
        "approvals.comment.added", Verb("commented on", "comment on"), "{object}", _VERSION, Display(brief=value_of("text")),
    )
    APPROVALS_COMMENT_DELETED = "approvals.comment.deleted", _DELETED, "a comment on {object}", _VERSION
    APPROVALS_COMMENT_EDITED = "approvals.comment.edited", _EDITED, "a comment on {object}", _VERSION
    APPROVALS_DELEGATION_GIVEN = (
        "approvals.delegation.given", Verb("delegated", "delegate"), "the review rights of {object}", _USER, Display(brief=value_of("delegate")),
    )
    APPROVALS_DELEGATION_REVOKED = "approvals.delegation.revoked", _REVOKED, "a delegation by {object}", _USER
    APPROVALS_FINDING_ASSIGNED = "approvals.finding.assigned", Verb("assigned", "assign"), "{object}", _FINDING
    APPROVALS_FINDING_CLOSED = "approvals.finding.closed", _CLOSED, "{object}", _FINDING
    APPROVALS_FINDING_FELL_DUE = "approvals.finding.fell_due", _MARKED, "{object} as overdue", _FINDING, _BY_TITLE
    APPROVALS_FINDING_OPENED = "approvals.finding.opened", _OPENED, "{object}", _FINDING, _BY_TITLE
    APPROVALS_GLASS_BROKEN = "approvals.glass.broken", Verb("used", "use"), "break-glass for {object}", _REQUEST
    APPROVALS_OVERRIDE_WITHDRAWN = (
        "approvals.override.withdrawn", _WITHDREW, "an override of a rule of {object}", _REQUEST,
    )
    APPROVALS_POLICY_PUBLISHED = (
        "approvals.policy.published", Verb("published", "publish"), "{object}", _POLICY, _display("info", "gavel"),
    )
    APPROVALS_POLICY_RETIRED = (
        "approvals.policy.retired", Verb("retired", "retire"), "{object}", _POLICY, _display("bad", "gavel"),
    )
    APPROVALS_POST_REVIEW_COMPLETED = (
        "approvals.post_review.completed", Verb("completed", "complete"), "the post-review of {object}", _REQUEST,
    )
    APPROVALS_POST_REVIEW_FELL_DUE = (
        "approvals.post_review.fell_due", _MARKED, "the post-review of {object} as overdue", _REQUEST,
    )
    APPROVALS_PROPOSAL_OPENED = (
        "approvals.proposal.opened", Verb("opened", "propose a change of"), "{object}", _PROPOSAL, Display(brief=value_of("policy")),
    )
    APPROVALS_PROPOSAL_REJECTED = "approvals.proposal.rejected", _REJECTED, "{object}", _PROPOSAL
    APPROVALS_PROPOSAL_REVIEWED = (
        "approvals.proposal.reviewed", _REVIEWED, "{object}", _PROPOSAL, Display(brief=value_of("decision")),
    )
    APPROVALS_PROPOSAL_STALED = "approvals.proposal.staled", _CLOSED, "{object} as out of date", _PROPOSAL
    APPROVALS_PROPOSAL_WITHDRAWN = "approvals.proposal.withdrawn", _WITHDREW, "{object}", _PROPOSAL
    APPROVALS_RE_REVIEW_FELL_DUE = "approvals.re_review.fell_due", _MARKED, "{object} as due for re-review", _VERSION
    APPROVALS_RE_REVIEW_GIVEN = "approvals.re_review.given", Verb("re-reviewed", "re-review"), "{object}", _VERSION
    APPROVALS_REQUEST_APPLIED = (
        "approvals.request.applied", Verb("applied", "apply"), "{object}", _REQUEST, _display("ok", "check_circle"),
    )
    APPROVALS_REQUEST_APPROVED = (
        "approvals.request.approved", Verb("completed the approval of", "approve"), "{object}", _REQUEST, _display("ok", "task_alt"),
    )
    APPROVALS_REQUEST_CHANGED = (
        "approvals.request.changed", _CHANGED, "{object}", _REQUEST, Display(brief=change_of("policy")),
    )
    APPROVALS_REQUEST_EXPIRED = (
        "approvals.request.expired", _CLOSED, "{object} as expired", _REQUEST, _display("none", "timer_off"),
    )
    APPROVALS_REQUEST_OPENED = "approvals.request.opened", _OPENED, "{object}", _REQUEST, _display("info", "approval")
    APPROVALS_REQUEST_REJECTED = (
        "approvals.request.rejected", _REJECTED, "{object}", _REQUEST, _display("bad", "cancel"),
    )
    APPROVALS_REQUEST_REMINDED = (
        "approvals.request.reminded", Verb("reminded", "remind"), "the reviewers of {object}", _REQUEST,
    )
    APPROVALS_REQUEST_STALED = (
        "approvals.request.staled", _CLOSED, "{object} as stale", _REQUEST, _display("none", "sync_problem"),
    )
    APPROVALS_REQUEST_WITHDRAWN = (
        "approvals.request.withdrawn", _WITHDREW, "{object}", _REQUEST, _display("none", "undo"),
    )
    APPROVALS_REVIEW_GIVEN = (
        "approvals.review.given", _REVIEWED, "{object}", _REQUEST, Display(Mark("info", "rate_review"), value_of("decision")),
    )
    APPROVALS_RULE_OVERRIDDEN = (
        "approvals.rule.overridden", Verb("overrode", "override"), "a rule of {object}", _REQUEST, _BY_RULE,
    )
    AUDIT_EXPORTED = (
        "audit.exported", Verb("exported", "export"), "the audit log of {object}", "a model or of everything", _display("none", "download"),
    )
    LINEAGE_DEPLOYMENT_ENDED = "lineage.deployment.ended", _ENDED, "{object}", "a deployment"
    LINEAGE_DEPLOYMENT_REGISTERED = (
        "lineage.deployment.registered", _REGISTERED, "{object}", "a deployment", Display(Mark("info", "rocket_launch"), value_of("version")),
    )
    LINEAGE_EDGE_DECLARED = "lineage.edge.declared", Verb("declared", "declare"), "an input of {object}", _NODE
    LINEAGE_EDGE_RETRACTED = "lineage.edge.retracted", Verb("retracted", "retract"), "an input of {object}", _NODE
    LINEAGE_QUARANTINE_PLACED = "lineage.quarantine.placed", Verb("quarantined", "quarantine"), "{object}", _DATASET
    LINEAGE_QUARANTINE_RELEASED = (
        "lineage.quarantine.released", Verb("released", "release"), "{object} from quarantine", _DATASET,
    )
    NOTICES_CHAT_CHANGED = "notices.chat.changed", _CHANGED, "the chat address of {object}", _USER
    NOTICES_TEST_SENT = "notices.test.sent", Verb("sent", "send"), "a test notification to {object}", _USER
    REGISTRY_ALIAS_DELETED = "registry.alias.deleted", _DELETED, "an alias of {object}", _MODEL
    REGISTRY_ALIAS_SET = (
        "registry.alias.set", _SET, "an alias of {object}", _MODEL, Display(Mark("none", "label"), value_of("alias")),
    )
    REGISTRY_CARD_CREATED = (
        "registry.card.created", _CREATED, "the card of {object}", _VERSION, _display("none", "description"),
    )
    REGISTRY_CARD_EDITED = (
        "registry.card.edited", _EDITED, "the card of {object}", _VERSION, _display("none", "edit_document"),
    )
    REGISTRY_MODEL_CREATED = "registry.model.created", _CREATED, "{object}", _MODEL, _ADDED
    REGISTRY_MODEL_DELETED = "registry.model.deleted", _DELETED, "{object}", _MODEL
    REGISTRY_MODEL_IMPORTED = "registry.model.imported", _IMPORTED, "{object}", _MODEL
    REGISTRY_MODEL_RENAMED = "registry.model.renamed", Verb("renamed", "rename"), "{object}", _MODEL
    REGISTRY_MODEL_UPDATED = "registry.model.updated", _UPDATED, "{object}", _MODEL
    REGISTRY_MODEL_TAG_DELETED = "registry.model_tag.deleted", _DELETED, "a tag of {object}", _MODEL
    REGISTRY_MODEL_TAG_SET = "registry.model_tag.set", _SET, "a tag of {object}", _MODEL, _BY_TAGS
    REGISTRY_PACK_FROZEN = "registry.pack.frozen", Verb("froze", "freeze"), "the conformity pack of {object}", _VERSION
    REGISTRY_PERMISSIONS_CHANGED = "registry.permissions.changed", _CHANGED, "the permissions of {object}", _MODEL
    REGISTRY_REVIEW_DUE_SET = "registry.review_due.set", _SET, "the re-review date of {object}", _VERSION
    REGISTRY_RISK_ASSESSED = "registry.risk.assessed", Verb("assessed", "assess"), "the risk of {object}", _MODEL
    REGISTRY_STAGE_CHANGED = (
        "registry.stage.changed", _CHANGED, "the stage of {object}", _VERSION, Display(Mark("ok", "swap_horiz"), _BY_STAGE),
    )
    REGISTRY_STAGE_IMPORTED = (
        "registry.stage.imported", _IMPORTED, "the stage of {object}", _VERSION, Display(brief=_BY_STAGE),
    )
    REGISTRY_VERSION_CREATED = "registry.version.created", _REGISTERED, "{object}", _VERSION, _ADDED
    REGISTRY_VERSION_DELETED = "registry.version.deleted", _DELETED, "{object}", _VERSION
    REGISTRY_VERSION_IMPORTED = "registry.version.imported", _IMPORTED, "{object}", _VERSION
    REGISTRY_VERSION_UPDATED = "registry.version.updated", _UPDATED, "{object}", _VERSION
    REGISTRY_VERSION_TAG_DELETED = "registry.version_tag.deleted", _DELETED, "a tag of {object}", _VERSION
    REGISTRY_VERSION_TAG_SET = "registry.version_tag.set", _SET, "a tag of {object}", _VERSION, _BY_TAGS
    TRACES_ASSESSMENT_CREATED = "traces.assessment.created", _CREATED, "an assessment of {object}", _TRACE, _BY_NAME
    TRACES_ASSESSMENT_DELETED = "traces.assessment.deleted", _DELETED, "an assessment of {object}", _TRACE
    TRACES_ASSESSMENT_UPDATED = "traces.assessment.updated", _UPDATED, "an assessment of {object}", _TRACE, _BY_NAME
    TRACES_TAG_DELETED = "traces.tag.deleted", _DELETED, "a tag of {object}", _TRACE
    TRACES_TAG_SET = "traces.tag.set", _SET, "a tag of {object}", _TRACE, _BY_TAGS
    TRACES_TRACES_DELETED = "traces.traces.deleted", _DELETED, "traces of {object}", _EXPERIMENT
    TRACES_TRACES_LINKED = "traces.traces.linked", Verb("linked", "link"), "traces to {object}", _RUN
    TRACES_TRACES_PRUNED = "traces.traces.pruned", _DELETED, "old traces of {object}", _EXPERIMENT
    TRACKING_ARTIFACT_DELETED = "tracking.artifact.deleted", _DELETED, "{object}", "an artifact"
    TRACKING_ARTIFACT_STORED = "tracking.artifact.stored", Verb("stored", "store"), "{object}", "an artifact"
    TRACKING_ARTIFACTS_PRUNED = "tracking.artifacts.pruned", _DELETED, "artifact files that nothing refers to"
    TRACKING_ARTIFACTS_SEALED = (
        "tracking.artifacts.sealed", Verb("sealed", "seal"), "{object}", "an artifact folder", _display("none", "lock"),
    )
    TRACKING_BATCH_LOGGED = "tracking.batch.logged", _LOGGED, "a batch to {object}", _RUN
    TRACKING_EXPERIMENT_CREATED = "tracking.experiment.created", _CREATED, "{object}", _EXPERIMENT
    TRACKING_EXPERIMENT_DELETED = "tracking.experiment.deleted", _DELETED, "{object}", _EXPERIMENT
    TRACKING_EXPERIMENT_IMPORTED = "tracking.experiment.imported", _IMPORTED, "{object}", _EXPERIMENT
    TRACKING_EXPERIMENT_RESTORED = "tracking.experiment.restored", _RESTORED, "{object}", _EXPERIMENT
    TRACKING_EXPERIMENT_UPDATED = "tracking.experiment.updated", _UPDATED, "{object}", _EXPERIMENT
    TRACKING_EXPERIMENT_TAG_DELETED = "tracking.experiment_tag.deleted", _DELETED, "a tag of {object}", _EXPERIMENT
    TRACKING_EXPERIMENT_TAG_SET = "tracking.experiment_tag.set", _SET, "a tag of {object}", _EXPERIMENT, _BY_TAGS
    TRACKING_INPUTS_LOGGED = "tracking.inputs.logged", _LOGGED, "inputs of {object}", _RUN
    TRACKING_LOGGED_MODEL_CREATED = "tracking.logged_model.created", _CREATED, "{object}", _LOGGED_MODEL
    TRACKING_LOGGED_MODEL_DELETED = "tracking.logged_model.deleted", _DELETED, "{object}", _LOGGED_MODEL
    TRACKING_LOGGED_MODEL_FINALIZED = (
        "tracking.logged_model.finalized", Verb("finalized", "finalize"), "{object}", _LOGGED_MODEL,
    )
    TRACKING_LOGGED_MODEL_IMPORTED = "tracking.logged_model.imported", _IMPORTED, "{object}", _LOGGED_MODEL
    TRACKING_LOGGED_MODEL_PARAMS_LOGGED = (
        "tracking.logged_model_params.logged", _LOGGED, "parameters of {object}", _LOGGED_MODEL,
    )
    TRACKING_LOGGED_MODEL_TAG_DELETED = (
        "tracking.logged_model_tag.deleted", _DELETED, "a tag of {object}", _LOGGED_MODEL,
    )
    TRACKING_LOGGED_MODEL_TAGS_SET = "tracking.logged_model_tags.set", _SET, "tags of {object}", _LOGGED_MODEL, _BY_TAGS
    TRACKING_METRIC_LOGGED = "tracking.metric.logged", _LOGGED, "a metric of {object}", _RUN
    TRACKING_METRICS_IMPORTED = "tracking.metrics.imported", _IMPORTED, "metrics of {object}", _RUN
    TRACKING_OUTPUTS_LOGGED = "tracking.outputs.logged", _LOGGED, "outputs of {object}", _RUN
    TRACKING_PARAM_LOGGED = "tracking.param.logged", _LOGGED, "a parameter of {object}", _RUN
    TRACKING_RUN_CREATED = "tracking.run.created", _STARTED, "{object}", _RUN, _display("none", "play_circle")
    TRACKING_RUN_DELETED = "tracking.run.deleted", _DELETED, "{object}", _RUN
    TRACKING_RUN_IMPORTED = "tracking.run.imported", _IMPORTED, "{object}", _RUN
    TRACKING_RUN_RESTORED = "tracking.run.restored", _RESTORED, "{object}", _RUN
    TRACKING_RUN_UPDATED = "tracking.run.updated", _UPDATED, "{object}", _RUN
    TRACKING_RUN_MODELS_IMPORTED = (
        "tracking.run_models.imported", _IMPORTED, "the model inputs and outputs of {object}", _RUN,
    )
    TRACKING_TAG_DELETED = "tracking.tag.deleted", _DELETED, "a tag of {object}", _RUN
    TRACKING_TAG_SET = "tracking.tag.set", _SET, "a tag of {object}", _RUN, _BY_TAGS
    WEBHOOKS_DELIVERY_RESENT = "webhooks.delivery.resent", Verb("resent", "resend"), "an event to {object}", _WEBHOOK
    WEBHOOKS_WEBHOOK_CREATED = "webhooks.webhook.created", _CREATED, "{object}", _WEBHOOK
    WEBHOOKS_WEBHOOK_DELETED = "webhooks.webhook.deleted", _DELETED, "{object}", _WEBHOOK
    WEBHOOKS_WEBHOOK_TESTED = "webhooks.webhook.tested", Verb("tested", "test"), "{object}", _WEBHOOK
    WEBHOOKS_WEBHOOK_UPDATED = "webhooks.webhook.updated", _UPDATED, "{object}", _WEBHOOK
    # fmt: on


def record_of(code: str) -> ActionRecord:
    """Return the record of an action; one made of its code for an action that this version does not know."""
    try:
        return Action(code).record
    except ValueError:
        return ActionRecord(Verb(f"did {code} on", f"do {code} on"))

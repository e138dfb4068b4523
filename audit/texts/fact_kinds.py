"""The kinds of the facts of each action: which are texts of people or addresses, which name people, and which do not.

An event holds commitments in place of texts and names, so that they can be erased (docs/decisions/0210). A fact that is
not listed here is treated as a text, with a warning, which fails a test.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from audit.actions import Action

# The tags in which MLflow's clients and pages store descriptions. Other tags are labels: policies and rules read them.
DESCRIPTION_TAGS = frozenset({"mlflow.note.content"})
# A move that the gate refuses is an event of the move's action with these facts.
_REFUSED_MOVE = "request target"
_REFUSED_MOVE_TEXTS = "blocked_by"
_ANY, _GRANTS = "*", "user:*"
_ASSESSMENT, _ASSESSMENT_TEXTS = "assessment kind name source overrides", "value rationale metadata error"
_DEPLOYMENT = "endpoint number revision traffic_percent environment ended_at"
_WEBHOOK = "name host url_sha256 events status signed authorized verify_tls format cloud_events model"


@dataclass(frozen=True, slots=True)
class FactKinds:
    """The kinds of the facts before and after an action. ``texts`` are those that people write, and addresses.

    ``people`` are user names, lists of them, or several in one text, separated by ", ". ``plain`` are all others, such
    as ids, digests, states, names of objects, and labels. With ``has_any_key``, people choose the keys, as those of
    tags; with ``has_people_as_keys``, the keys are users and groups, as in `user:ada`.
    """

    plain: frozenset[str]
    texts: frozenset[str]
    people: frozenset[str]
    has_any_key: bool
    has_people_as_keys: bool


def _kinds(plain: str = "", *, texts: str = "", people: str = "") -> FactKinds:
    listed = frozenset(plain.split())
    return FactKinds(
        (listed - {_ANY, _GRANTS}) | frozenset(_REFUSED_MOVE.split()),
        frozenset(f"{texts} {_REFUSED_MOVE_TEXTS}".split()),
        frozenset(people.split()),
        has_any_key=_ANY in listed or _GRANTS in listed,
        has_people_as_keys=_GRANTS in listed,
    )


# fmt: off
FACTS: Mapping[Action, FactKinds] = {
    Action.ACCOUNT_APPROVAL_SESSION_ENDED: _kinds("approval_session"),
    Action.ACCOUNT_APPROVAL_SESSION_STARTED: _kinds("approval_session expires_at"),
    Action.ACCOUNT_AUTHENTICATION_FAILED: _kinds("provider", texts="address"),
    Action.ACCOUNT_CONFIRMED: _kinds("confirmation"),
    Action.ACCOUNT_GROUP_CHANGED: _kinds("name permissions provisioned external_id", people="owners"),
    Action.ACCOUNT_IDENTITY_LINKED: _kinds("provider issuer", texts="subject"),
    Action.ACCOUNT_IDENTITY_UNLINKED: _kinds("provider", texts="subject"),
    Action.ACCOUNT_INVITATION_ISSUED: _kinds("provider expires_at", people="username"),
    Action.ACCOUNT_INVITATION_WITHDRAWN: _kinds("provider expires_at", people="username"),
    Action.ACCOUNT_MEMBERSHIP_CHANGED: _kinds("group expires_at"),
    Action.ACCOUNT_MEMBERSHIP_EXPIRED: _kinds("groups group expires_at"),
    Action.ACCOUNT_MEMBERSHIP_REMINDED: _kinds("group expires_at"),
    Action.ACCOUNT_PASSKEY_ADDED: _kinds("credential_id public_key aaguid synced rp_id", texts="name"),
    Action.ACCOUNT_PASSKEY_REMOVED: _kinds("credential_id public_key", texts="name"),
    Action.ACCOUNT_PERSON_ERASED: _kinds("pseudonym erased"),
    Action.ACCOUNT_REAUTHENTICATED: _kinds("provider purpose signed_in_at identity_proof"),
    Action.ACCOUNT_RECOVERY_CODES_RENEWED: _kinds("recovery_codes"),
    Action.ACCOUNT_SECOND_FACTOR_ADDED: _kinds("authenticator_app recovery_codes"),
    Action.ACCOUNT_SECOND_FACTOR_REMOVED: _kinds("authenticator_app"),
    Action.ACCOUNT_SESSIONS_ENDED: _kinds("sessions_ended", texts="sessions"),
    Action.ACCOUNT_SIGN_IN_LINK_ISSUED: _kinds("sign_in_link expires_at"),
    Action.ACCOUNT_SIGNED_IN: _kinds("provider second_factor by", texts="address"),
    Action.ACCOUNT_SIGNED_OUT: _kinds(texts="address"),
    Action.ACCOUNT_TOKEN_EXCHANGED: _kinds(
        "issuer subject token_digest unverified_issuer unverified_subject claims unmet_claims publisher token scopes"
        " expires_at",
        texts="address label",
    ),
    Action.ACCOUNT_TOKEN_ISSUED: _kinds("token scopes expires_at", texts="label"),
    Action.ACCOUNT_TOKEN_REVOKED: _kinds("token", texts="label"),
    Action.ACCOUNT_TRUSTED_PUBLISHER_ADDED: _kinds("publisher issuer audience claims scopes single_use", texts="name"),
    Action.ACCOUNT_TRUSTED_PUBLISHER_DELETED: _kinds(
        "publisher issuer audience claims scopes single_use tokens_ended", texts="name"
    ),
    Action.ACCOUNT_USER_CHANGED: _kinds(
        "groups membership active superuser service password tokens_ended provider provisioned",
        texts="email first_name last_name display_name external_id", people="username owner",
    ),
    Action.ACCOUNT_USER_CREATED: _kinds("groups active superuser service", texts="email", people="username owner"),
    Action.API_CALLED: _kinds(),
    Action.APPROVALS_CHECK_CANCELLED: _kinds("check_run rule check state was attempt"),
    Action.APPROVALS_CHECK_FINISHED: _kinds("check_run rule check state attempt summary files evidence_digest", people="author"),
    Action.APPROVALS_CHECK_KEY_ADDED: _kinds("public_key"),
    Action.APPROVALS_CHECK_KEY_REVOKED: _kinds(),
    Action.APPROVALS_CHECK_QUEUED: _kinds("check_run rule check inputs_digest"),
    Action.APPROVALS_CHECK_REQUEUED: _kinds("check_run rule check attempts"),
    Action.APPROVALS_CHECK_RESULT_POSTED: _kinds("check_run rule check key nonce passed signature"),
    Action.APPROVALS_COMMENT_ADDED: _kinds("comment reply_to", texts="text"),
    Action.APPROVALS_COMMENT_DELETED: _kinds("comment", texts="text", people="author"),
    Action.APPROVALS_COMMENT_EDITED: _kinds("comment", texts="text"),
    Action.APPROVALS_CONDITION_REMINDED: _kinds("condition due_at", texts="text", people="owner"),
    Action.APPROVALS_DELEGATION_GIVEN: _kinds("delegation models starts_at ends_at", people="delegate"),
    Action.APPROVALS_DELEGATION_REVOKED: _kinds("delegation models starts_at ends_at revoked_at", people="delegate"),
    Action.APPROVALS_FINDING_ASSIGNED: _kinds("due_at", people="owner"),
    Action.APPROVALS_FINDING_CLOSED: _kinds("state severity", texts="title"),
    Action.APPROVALS_FINDING_FELL_DUE: _kinds("severity due_at", texts="title", people="owner"),
    Action.APPROVALS_FINDING_OPENED: _kinds("severity model version due_at origin cause", texts="title", people="owner"),
    Action.APPROVALS_GLASS_BROKEN: _kinds("version target post_review_due_at", people="requester second_person"),
    Action.APPROVALS_OVERRIDE_WITHDRAWN: _kinds("override rule", people="given_by"),
    Action.APPROVALS_POLICY_PUBLISHED: _kinds("revision digest proposal body", people="proposed_by"),
    Action.APPROVALS_POLICY_RETIRED: _kinds("in_force proposal", people="proposed_by"),
    Action.APPROVALS_POST_REVIEW_COMPLETED: _kinds("outcome late"),
    Action.APPROVALS_POST_REVIEW_FELL_DUE: _kinds("due_at", people="requester"),
    Action.APPROVALS_PROPOSAL_OPENED: _kinds("policy kind digest base body"),
    Action.APPROVALS_PROPOSAL_REJECTED: _kinds("state policy"),
    Action.APPROVALS_PROPOSAL_REVIEWED: _kinds("policy decision digest"),
    Action.APPROVALS_PROPOSAL_STALED: _kinds("state policy"),
    Action.APPROVALS_PROPOSAL_WITHDRAWN: _kinds("state policy"),
    Action.APPROVALS_RE_REVIEW_FELL_DUE: _kinds("review_due_at when_due"),
    Action.APPROVALS_RE_REVIEW_GIVEN: _kinds("review_due_at artifact_digest card_digest policy"),
    Action.APPROVALS_REQUEST_APPLIED: _kinds("state subject_digest"),
    Action.APPROVALS_REQUEST_APPROVED: _kinds("state subject_digest policy rules apply_after", people="approvers"),
    Action.APPROVALS_REQUEST_CHANGED: _kinds(
        "archive_existing archive_left_open policy policy_digest leave_policy leave_policy_digest", texts="comment"
    ),
    Action.APPROVALS_REQUEST_EXPIRED: _kinds("state subject_digest"),
    Action.APPROVALS_REQUEST_OPENED: _kinds(
        "version source target kind archive_existing archive_left_open apply_after policy policy_digest leave_policy"
        " leave_policy_digest expires_at model_version artifact_digest passkey"
    ),
    Action.APPROVALS_REQUEST_REJECTED: _kinds("state subject_digest"),
    Action.APPROVALS_REQUEST_REMINDED: _kinds("waits_for opened_at"),
    Action.APPROVALS_REQUEST_STALED: _kinds("state subject_digest"),
    Action.APPROVALS_REQUEST_WITHDRAWN: _kinds("state subject_digest"),
    Action.APPROVALS_REVIEW_GIVEN: _kinds(
        "review decision subject_digest policy signature passkey", texts="conditions", people="on_behalf_of"
    ),
    Action.APPROVALS_RULE_OVERRIDDEN: _kinds("override rule subject_digest signature passkey"),
    Action.AUDIT_EXPORTED: _kinds("filters identities parquet annex last_generation_before question form rows sha256"),
    Action.AUDIT_LOG_CONTINUED: _kinds("after_size size", people="second"),
    Action.AUDIT_LOG_STARTED: _kinds("old_log old_size old_root held lost", people="second"),
    Action.AUDIT_LOG_KEY_ROTATED: _kinds("new_key old_key"),
    Action.LINEAGE_DATASET_DESCRIBED: _kinds("version digest files document"),
    Action.LINEAGE_DEPLOYMENT_ATTESTED: _kinds(
        "digest expected matches version endpoint", people="deployed_by approved_by",
    ),
    Action.LINEAGE_DEPLOYMENT_ENDED: _kinds(_DEPLOYMENT),
    Action.LINEAGE_DEPLOYMENT_REGISTERED: _kinds(f"{_DEPLOYMENT} version"),
    Action.LINEAGE_EDGE_DECLARED: _kinds("edge source relation role"),
    Action.LINEAGE_EDGE_RETRACTED: _kinds("edge source relation role"),
    Action.LINEAGE_EVENTS_RECEIVED: _kinds("events sha256"),
    Action.LINEAGE_NAMES_JOINED: _kinds("other dataset facet"),
    Action.LINEAGE_NAMES_SEPARATED: _kinds("other dataset"),
    Action.LINEAGE_QUARANTINE_PLACED: _kinds("quarantine dataset version"),
    Action.LINEAGE_QUARANTINE_RELEASED: _kinds("quarantine", people="placed_by"),
    Action.LINEAGE_SUGGESTION_CONFIRMED: _kinds("source relation method evidence"),
    Action.LINEAGE_SUGGESTION_REJECTED: _kinds("source relation method evidence"),
    Action.NOTICES_CHAT_CHANGED: _kinds("format host"),
    Action.NOTICES_TEST_SENT: _kinds("channel"),
    Action.REGISTRY_ALIAS_DELETED: _kinds("alias version basis left"),
    Action.REGISTRY_ALIAS_SET: _kinds("alias version basis"),
    Action.REGISTRY_ATTESTATION_FELL_DUE: _kinds(people="owner"),
    Action.REGISTRY_CARD_CREATED: _kinds("number digest changed origin"),
    Action.REGISTRY_CARD_EDITED: _kinds("number digest changed origin"),
    Action.REGISTRY_FILES_ERASED: _kinds("folder files bytes digest"),
    Action.REGISTRY_INVENTORY_CHANGED: _kinds(texts="purpose", people="owner"),
    Action.REGISTRY_MODEL_ATTESTED: _kinds("in_use still_fit documentation_true counts"),
    Action.REGISTRY_MODEL_CREATED: _kinds("id name tags", texts="description"),
    Action.REGISTRY_MODEL_DELETED: _kinds("name versions"),
    Action.REGISTRY_MODEL_IMPORTED: _kinds("origin created_ms last_version"),
    Action.REGISTRY_MODEL_RENAMED: _kinds("name"),
    Action.REGISTRY_MODEL_UPDATED: _kinds(texts="description"),
    Action.REGISTRY_MODEL_RETIREMENT_ASKED: _kinds("retirement"),
    Action.REGISTRY_MODEL_RETIREMENT_DECIDED: _kinds("retirement state evidence"),
    Action.REGISTRY_MODEL_RETIREMENT_WITHDRAWN: _kinds("retirement"),
    Action.REGISTRY_MODEL_TAG_DELETED: _kinds(_ANY),
    Action.REGISTRY_MODEL_TAG_SET: _kinds(_ANY),
    Action.REGISTRY_PACK_FROZEN: _kinds("pack digest bytes files card promotion"),
    Action.REGISTRY_PERMISSIONS_CHANGED: _kinds(_GRANTS),
    Action.REGISTRY_PRODUCTION_LEFT: _kinds("left to serves", people="approved_by deployed_by"),
    Action.REGISTRY_REVIEW_DUE_SET: _kinds("review_due_at"),
    Action.REGISTRY_RISK_ASSESSED: _kinds("number tier score questionnaire answers"),
    Action.REGISTRY_STAGE_CHANGED: _kinds("stage is_current superseded_by archive_after basis", people="approved_by"),
    Action.REGISTRY_STAGE_IMPORTED: _kinds("stage is_current superseded_by archive_after basis origin", people="approved_by"),
    Action.REGISTRY_VERSION_CREATED: _kinds(
        "version source run_id logged_model artifact_digest payload_digest copied_from tags", texts="description"
    ),
    Action.REGISTRY_VERSION_DELETED: _kinds("stage artifact_digest"),
    Action.REGISTRY_VERSION_IMPORTED: _kinds(
        "version source run_id logged_model artifact_digest payload_digest copied_from tags user_id created_ms origin",
        texts="description",
    ),
    Action.REGISTRY_VERSION_UPDATED: _kinds(texts="description"),
    Action.REGISTRY_VERSION_TAG_DELETED: _kinds(_ANY),
    Action.REGISTRY_VERSION_TAG_SET: _kinds(_ANY),
    Action.TRACES_ASSESSMENT_CREATED: _kinds(_ASSESSMENT, texts=_ASSESSMENT_TEXTS),
    Action.TRACES_ASSESSMENT_DELETED: _kinds(_ASSESSMENT, texts=_ASSESSMENT_TEXTS),
    Action.TRACES_ASSESSMENT_UPDATED: _kinds(_ASSESSMENT, texts=_ASSESSMENT_TEXTS),
    Action.TRACES_TAG_DELETED: _kinds(_ANY),
    Action.TRACES_TAG_SET: _kinds(_ANY),
    Action.TRACES_TRACES_DELETED: _kinds("traces experiments deleted files"),
    Action.TRACES_TRACES_LINKED: _kinds("traces"),
    Action.TRACES_TRACES_PRUNED: _kinds("traces experiments deleted files"),
    Action.TRACKING_ARTIFACT_DELETED: _kinds("files"),
    Action.TRACKING_ARTIFACT_STORED: _kinds("sha256 size"),
    Action.TRACKING_ARTIFACTS_PRUNED: _kinds("sha256 files bytes"),
    Action.TRACKING_ARTIFACTS_SEALED: _kinds("digest files", people="stored_by"),
    Action.TRACKING_BATCH_LOGGED: _kinds("params tags metrics metric_keys"),
    Action.TRACKING_EXPERIMENT_CREATED: _kinds("name artifact_location tags"),
    Action.TRACKING_EXPERIMENT_DELETED: _kinds("lifecycle_stage runs"),
    Action.TRACKING_EXPERIMENT_IMPORTED: _kinds("origin name lifecycle_stage tags"),
    Action.TRACKING_EXPERIMENT_PERMISSIONS_CHANGED: _kinds(_GRANTS),
    Action.TRACKING_EXPERIMENT_RESTORED: _kinds("lifecycle_stage runs"),
    Action.TRACKING_EXPERIMENT_UPDATED: _kinds("name"),
    Action.TRACKING_EXPERIMENT_TAG_DELETED: _kinds(_ANY),
    Action.TRACKING_EXPERIMENT_TAG_SET: _kinds(_ANY),
    Action.TRACKING_INPUTS_LOGGED: _kinds("datasets models"),
    Action.TRACKING_LOGGED_MODEL_CREATED: _kinds("experiment name source_run params tags"),
    Action.TRACKING_LOGGED_MODEL_DELETED: _kinds("lifecycle_stage"),
    Action.TRACKING_LOGGED_MODEL_FINALIZED: _kinds("status"),
    Action.TRACKING_LOGGED_MODEL_IMPORTED: _kinds(
        "experiment name source_run status lifecycle_stage params tags origin"
    ),
    Action.TRACKING_LOGGED_MODEL_PARAMS_LOGGED: _kinds(_ANY),
    Action.TRACKING_LOGGED_MODEL_TAG_DELETED: _kinds(_ANY),
    Action.TRACKING_LOGGED_MODEL_TAGS_SET: _kinds(_ANY),
    Action.TRACKING_METRIC_LOGGED: _kinds("key value step timestamp_ms"),
    Action.TRACKING_METRICS_IMPORTED: _kinds("origin metrics metric_keys"),
    Action.TRACKING_OUTPUTS_LOGGED: _kinds("models steps"),
    Action.TRACKING_PARAM_LOGGED: _kinds(_ANY),
    Action.TRACKING_RUN_CREATED: _kinds("experiment name start_ms user_id tags"),
    Action.TRACKING_RUN_DELETED: _kinds("lifecycle_stage"),
    Action.TRACKING_RUN_IMPORTED: _kinds(
        "experiment name user_id status start_ms end_ms lifecycle_stage params tags datasets origin"
    ),
    Action.TRACKING_RUN_RESTORED: _kinds("lifecycle_stage"),
    Action.TRACKING_RUN_UPDATED: _kinds("status end_ms name"),
    Action.TRACKING_RUN_MODELS_IMPORTED: _kinds("origin inputs outputs"),
    Action.TRACKING_RUNS_PURGED: _kinds("runs purged files"),
    Action.TRACKING_TAG_DELETED: _kinds(_ANY),
    Action.TRACKING_TAG_SET: _kinds(_ANY),
    Action.WEBHOOKS_DELIVERY_RESENT: _kinds("delivery state event"),
    Action.WEBHOOKS_WEBHOOK_CREATED: _kinds(_WEBHOOK),
    Action.WEBHOOKS_WEBHOOK_DELETED: _kinds(_WEBHOOK),
    Action.WEBHOOKS_WEBHOOK_DISABLED: _kinds("status name"),
    Action.WEBHOOKS_WEBHOOK_TESTED: _kinds("event success status error"),
    Action.WEBHOOKS_WEBHOOK_UPDATED: _kinds(f"{_WEBHOOK} secret authorization"),
}
# fmt: on


def is_text(action: Action, key: str) -> bool:
    """Return whether a fact is a text of a person or an address.

    A fact that is not listed is one: so a new writer reveals nothing until somebody has listed it.
    """
    kinds = FACTS[action]
    if key in (DESCRIPTION_TAGS if kinds.has_any_key else kinds.texts):
        return True
    if kinds.has_any_key or key in kinds.plain:
        return False
    warnings.warn(f"{action.value} has the fact {key!r}, which audit/texts/fact_kinds.py does not list", stacklevel=2)
    return True

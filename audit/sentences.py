"""Sentences about events: only facts are stored, the sentence is made when somebody reads, from the record of the action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from audit.actions import record_of
from audit.models import Event
from core.actors import ActorKind

_SHOWN_CHANGES = 4
_SHOWN_TEXT = 80

<<<<<<< HEAD
# (past tense, infinitive); {object} is the object in words.
PHRASES: dict[Action, tuple[str, str]] = {
    Action.ACCOUNT_APPROVAL_SESSION_ENDED: (
        "ended an approval session of {object}",
        "end an approval session of {object}",
    ),
    Action.ACCOUNT_APPROVAL_SESSION_STARTED: ("started an approval session", "start an approval session"),
    Action.ACCOUNT_AUTHENTICATION_FAILED: ("failed to sign in as {object}", "sign in as {object}"),
    Action.ACCOUNT_GROUP_CHANGED: ("changed {object}", "change {object}"),
    Action.ACCOUNT_REAUTHENTICATED: ("proved again to be {object}", "prove to be {object}"),
    Action.ACCOUNT_SIGNED_IN: ("signed in", "sign in"),
    Action.ACCOUNT_SIGNED_OUT: ("signed out", "sign out"),
    Action.ACCOUNT_TOKEN_ISSUED: ("issued an API token to {object}", "issue an API token to {object}"),
    Action.ACCOUNT_TOKEN_REVOKED: ("revoked an API token of {object}", "revoke an API token of {object}"),
    Action.ACCOUNT_USER_CHANGED: ("changed the account of {object}", "change the account of {object}"),
    Action.ACCOUNT_USER_CREATED: ("created the account of {object}", "create the account of {object}"),
    Action.API_CALLED: ("called {object}", "call {object}"),
    Action.APPROVALS_CHECK_CANCELLED: ("cancelled a check of {object}", "cancel a check of {object}"),
    Action.APPROVALS_CHECK_FINISHED: ("finished a check of {object}", "finish a check of {object}"),
    Action.APPROVALS_CHECK_QUEUED: ("queued a check of {object}", "queue a check of {object}"),
    Action.APPROVALS_CHECK_REQUEUED: ("queued a lost check of {object} again", "queue a check of {object} again"),
    Action.APPROVALS_CHECK_KEY_ADDED: ("let {object} sign results of checks", "let {object} sign results of checks"),
    Action.APPROVALS_CHECK_KEY_REVOKED: ("revoked {object}", "revoke {object}"),
    Action.APPROVALS_CHECK_RESULT_POSTED: (
        "posted the result of a check of {object}",
        "post the result of a check of {object}",
    ),
    Action.APPROVALS_COMMENT_ADDED: ("commented on {object}", "comment on {object}"),
    Action.APPROVALS_COMMENT_DELETED: ("deleted a comment on {object}", "delete a comment on {object}"),
    Action.APPROVALS_COMMENT_EDITED: ("edited a comment on {object}", "edit a comment on {object}"),
    Action.APPROVALS_DELEGATION_GIVEN: ("delegated the decisions of {object}", "delegate the decisions of {object}"),
    Action.APPROVALS_DELEGATION_REVOKED: ("took back a delegation of {object}", "take back a delegation of {object}"),
    Action.APPROVALS_FINDING_ASSIGNED: ("gave {object} to somebody", "give {object} to somebody"),
    Action.APPROVALS_FINDING_CLOSED: ("closed {object}", "close {object}"),
    Action.APPROVALS_FINDING_FELL_DUE: ("noticed that {object} is overdue", "say that {object} is overdue"),
    Action.APPROVALS_FINDING_OPENED: ("opened {object}", "open {object}"),
    Action.APPROVALS_GLASS_BROKEN: (
        "broke the glass: moved a version past its policy by {object}",
        "move a version past its policy by {object}",
    ),
    Action.APPROVALS_OVERRIDE_WITHDRAWN: (
        "took back an override of a rule of {object}",
        "take back an override of a rule of {object}",
    ),
    Action.APPROVALS_POLICY_PUBLISHED: ("published the policy {object}", "publish the policy {object}"),
    Action.APPROVALS_POLICY_RETIRED: ("retired the policy {object}", "retire the policy {object}"),
    Action.APPROVALS_PROPOSAL_OPENED: ("opened {object}", "propose a change of {object}"),
    Action.APPROVALS_PROPOSAL_REJECTED: ("rejected {object}", "reject {object}"),
    Action.APPROVALS_PROPOSAL_REVIEWED: ("reviewed {object}", "review {object}"),
    Action.APPROVALS_PROPOSAL_STALED: ("closed {object} as out of date", "close {object} as out of date"),
    Action.APPROVALS_PROPOSAL_WITHDRAWN: ("withdrew {object}", "withdraw {object}"),
    Action.APPROVALS_POST_REVIEW_COMPLETED: (
        "reviewed the emergency of {object} afterwards",
        "review the emergency of {object} afterwards",
    ),
    Action.APPROVALS_POST_REVIEW_FELL_DUE: (
        "noticed that the review after the emergency of {object} is overdue",
        "say that the review after the emergency of {object} is overdue",
    ),
    Action.APPROVALS_RE_REVIEW_FELL_DUE: (
        "noticed that {object} is due to be reviewed again",
        "say that {object} is due to be reviewed again",
    ),
    Action.APPROVALS_RE_REVIEW_GIVEN: ("reviewed {object} again", "review {object} again"),
    Action.APPROVALS_REQUEST_APPLIED: ("carried out {object}", "carry out {object}"),
    Action.APPROVALS_REQUEST_APPROVED: ("completed the approval of {object}", "approve {object}"),
    Action.APPROVALS_REQUEST_CHANGED: ("moved {object} under another policy", "move {object} under another policy"),
    Action.APPROVALS_REQUEST_CHANGED: ("changed {object}", "change {object}"),
    Action.APPROVALS_REQUEST_EXPIRED: ("let {object} expire", "let {object} expire"),
    Action.APPROVALS_REQUEST_OPENED: ("opened {object}", "open {object}"),
    Action.APPROVALS_REQUEST_REJECTED: ("rejected {object}", "reject {object}"),
    Action.APPROVALS_REQUEST_REMINDED: ("reminded the reviewers of {object}", "remind the reviewers of {object}"),
    Action.APPROVALS_REQUEST_STALED: ("closed {object} as stale", "close {object} as stale"),
    Action.APPROVALS_REQUEST_WITHDRAWN: ("withdrew {object}", "withdraw {object}"),
    Action.APPROVALS_REVIEW_GIVEN: ("reviewed {object}", "review {object}"),
    Action.APPROVALS_RULE_OVERRIDDEN: ("overrode a rule of {object}", "override a rule of {object}"),
    Action.AUDIT_EXPORTED: ("exported the audit log of {object}", "export the audit log of {object}"),
    Action.LINEAGE_DEPLOYMENT_ENDED: ("ended {object}", "end {object}"),
    Action.LINEAGE_DEPLOYMENT_REGISTERED: ("registered {object}", "register {object}"),
    Action.LINEAGE_EDGE_DECLARED: ("declared an input of {object}", "declare an input of {object}"),
    Action.LINEAGE_EDGE_RETRACTED: ("took back an input of {object}", "take back an input of {object}"),
    Action.NOTICES_CHAT_CHANGED: ("changed where {object} is told in chat", "change where {object} is told in chat"),
    Action.NOTICES_TEST_SENT: ("had a test notification sent to {object}", "have a test notification sent to {object}"),
    Action.LINEAGE_QUARANTINE_PLACED: ("quarantined {object}", "quarantine {object}"),
    Action.LINEAGE_QUARANTINE_RELEASED: ("released {object} from quarantine", "release {object} from quarantine"),
    Action.REGISTRY_ALIAS_DELETED: ("deleted an alias of {object}", "delete an alias of {object}"),
    Action.REGISTRY_ALIAS_SET: ("set an alias of {object}", "set an alias of {object}"),
    Action.REGISTRY_CARD_CREATED: ("created the card of {object}", "create the card of {object}"),
    Action.REGISTRY_CARD_EDITED: ("edited the card of {object}", "edit the card of {object}"),
    Action.REGISTRY_MODEL_CREATED: ("created {object}", "create {object}"),
    Action.REGISTRY_MODEL_DELETED: ("deleted {object}", "delete {object}"),
    Action.REGISTRY_MODEL_IMPORTED: ("imported {object}", "import {object}"),
    Action.REGISTRY_MODEL_RENAMED: ("renamed {object}", "rename {object}"),
    Action.REGISTRY_MODEL_TAG_DELETED: ("deleted a tag of {object}", "delete a tag of {object}"),
    Action.REGISTRY_MODEL_TAG_SET: ("set a tag of {object}", "set a tag of {object}"),
    Action.REGISTRY_MODEL_UPDATED: ("updated {object}", "update {object}"),
    Action.REGISTRY_PACK_FROZEN: ("froze the conformity pack of {object}", "freeze the conformity pack of {object}"),
    Action.REGISTRY_PERMISSIONS_CHANGED: ("changed who may use {object}", "change who may use {object}"),
    Action.REGISTRY_REVIEW_DUE_SET: (
        "set when {object} must be reviewed again",
        "set when {object} must be reviewed again",
    ),
    Action.REGISTRY_RISK_ASSESSED: ("assessed the risk of {object}", "assess the risk of {object} in this way"),
    Action.REGISTRY_STAGE_CHANGED: ("changed the stage of {object}", "change the stage of {object}"),
    Action.REGISTRY_STAGE_IMPORTED: (
        "kept the stage {object} had before the import",
        "keep the stage {object} had before the import",
    ),
    Action.REGISTRY_VERSION_CREATED: ("registered {object}", "register {object}"),
    Action.REGISTRY_VERSION_DELETED: ("deleted {object}", "delete {object}"),
    Action.REGISTRY_VERSION_IMPORTED: ("imported {object}", "import {object}"),
    Action.REGISTRY_VERSION_TAG_DELETED: ("deleted a tag of {object}", "delete a tag of {object}"),
    Action.REGISTRY_VERSION_TAG_SET: ("set a tag of {object}", "set a tag of {object}"),
    Action.REGISTRY_VERSION_UPDATED: ("updated {object}", "update {object}"),
    Action.TRACES_ASSESSMENT_CREATED: ("assessed {object}", "assess {object}"),
    Action.TRACES_ASSESSMENT_DELETED: ("deleted an assessment of {object}", "delete an assessment of {object}"),
    Action.TRACES_ASSESSMENT_UPDATED: ("changed an assessment of {object}", "change an assessment of {object}"),
    Action.TRACES_TAG_DELETED: ("deleted a tag of {object}", "delete a tag of {object}"),
    Action.TRACES_TAG_SET: ("set a tag of {object}", "set a tag of {object}"),
    Action.TRACES_TRACES_DELETED: ("deleted traces of {object}", "delete traces of {object}"),
    Action.TRACES_TRACES_LINKED: ("linked traces to {object}", "link traces to {object}"),
    Action.TRACES_TRACES_PRUNED: ("deleted old traces of {object}", "delete old traces of {object}"),
    Action.TRACKING_ARTIFACT_DELETED: ("deleted {object}", "delete {object}"),
    Action.TRACKING_ARTIFACT_STORED: ("stored {object}", "store {object}"),
    Action.TRACKING_ARTIFACTS_PRUNED: ("cleared away bytes that nothing names", "clear away bytes that nothing names"),
    Action.TRACKING_ARTIFACTS_SEALED: ("sealed {object}", "seal {object}"),
    Action.TRACKING_BATCH_LOGGED: ("logged a batch to {object}", "log a batch to {object}"),
    Action.TRACKING_EXPERIMENT_CREATED: ("created {object}", "create {object}"),
    Action.TRACKING_EXPERIMENT_DELETED: ("deleted {object}", "delete {object}"),
    Action.TRACKING_EXPERIMENT_IMPORTED: ("imported {object}", "import {object}"),
    Action.TRACKING_EXPERIMENT_RESTORED: ("restored {object}", "restore {object}"),
    Action.TRACKING_EXPERIMENT_TAG_DELETED: ("deleted a tag of {object}", "delete a tag of {object}"),
    Action.TRACKING_EXPERIMENT_TAG_SET: ("set a tag of {object}", "set a tag of {object}"),
    Action.TRACKING_EXPERIMENT_UPDATED: ("updated {object}", "update {object}"),
    Action.TRACKING_INPUTS_LOGGED: ("logged inputs of {object}", "log inputs of {object}"),
    Action.TRACKING_LOGGED_MODEL_CREATED: ("created {object}", "create {object}"),
    Action.TRACKING_LOGGED_MODEL_DELETED: ("deleted {object}", "delete {object}"),
    Action.TRACKING_LOGGED_MODEL_FINALIZED: ("finalized {object}", "finalize {object}"),
    Action.TRACKING_LOGGED_MODEL_IMPORTED: ("imported {object}", "import {object}"),
    Action.TRACKING_LOGGED_MODEL_PARAMS_LOGGED: ("logged parameters of {object}", "log parameters of {object}"),
    Action.TRACKING_LOGGED_MODEL_TAG_DELETED: ("deleted a tag of {object}", "delete a tag of {object}"),
    Action.TRACKING_LOGGED_MODEL_TAGS_SET: ("set tags of {object}", "set tags of {object}"),
    Action.TRACKING_METRIC_LOGGED: ("logged a metric of {object}", "log a metric of {object}"),
    Action.TRACKING_METRICS_IMPORTED: ("imported metrics of {object}", "import metrics of {object}"),
    Action.TRACKING_OUTPUTS_LOGGED: ("logged outputs of {object}", "log outputs of {object}"),
    Action.TRACKING_PARAM_LOGGED: ("logged a parameter of {object}", "log a parameter of {object}"),
    Action.TRACKING_RUN_CREATED: ("started {object}", "start {object}"),
    Action.TRACKING_RUN_DELETED: ("deleted {object}", "delete {object}"),
    Action.TRACKING_RUN_IMPORTED: ("imported {object}", "import {object}"),
    Action.TRACKING_RUN_MODELS_IMPORTED: (
        "imported what models {object} read and made",
        "import what models {object} read and made",
    ),
    Action.TRACKING_RUN_RESTORED: ("restored {object}", "restore {object}"),
    Action.TRACKING_RUN_UPDATED: ("updated {object}", "update {object}"),
    Action.TRACKING_TAG_DELETED: ("deleted a tag of {object}", "delete a tag of {object}"),
    Action.TRACKING_TAG_SET: ("set a tag of {object}", "set a tag of {object}"),
    Action.WEBHOOKS_DELIVERY_RESENT: ("sent an event to {object} again", "send an event to {object} again"),
    Action.WEBHOOKS_WEBHOOK_CREATED: ("created {object}", "create {object}"),
    Action.WEBHOOKS_WEBHOOK_DELETED: ("deleted {object}", "delete {object}"),
    Action.WEBHOOKS_WEBHOOK_TESTED: ("tested {object}", "test {object}"),
    Action.WEBHOOKS_WEBHOOK_UPDATED: ("updated {object}", "update {object}"),
}

=======
>>>>>>> main

def facts(event: Event) -> dict[str, Any]:
    """Return what an event says, read from its exact bytes."""
    body: dict[str, Any] = orjson.loads(bytes(event.body))
    return body


def describe(event: Event) -> str:
    """Return one English sentence, plain text, made of the event's facts alone."""
    known = facts(event)
    record = record_of(known["action"])
    obj = object_words(known["object"])
    who = _actor_words(known["actor"])
    if known["outcome"] == "denied":
        wanted = record.refused.replace("{object}", obj)
        return f"{who} was not allowed to {wanted}{_because(known['reason'], ': ')}."
    changes = ", ".join(_changes(known["before"], known["after"]))
    done = record.done.replace("{object}", obj)
    return f"{who} {done}{f' ({changes})' if changes else ''}{_because(known['reason'], ', saying ')}."


def object_words(ref: str) -> str:
    """Return an object reference in words: `model-version:fraud/7` is "version 7 of fraud"."""
    kind, _, name = ref.partition(":")
    if not name:
        return ref
    if kind == "model-version":
        model, _, version = name.rpartition("/")
        return f"version {version} of {model}"
    if kind == "transition-request":
        return f"transition request {name}"
    if kind == "user":
        return name
    return f"{kind.replace('-', ' ')} {name}"


def _actor_words(actor: Mapping[str, str]) -> str:
    name = actor["name"]
    if actor["kind"] == ActorKind.SYSTEM:
        name = f"Custody ({name.replace('_', ' ')})"
    elif actor["kind"] == ActorKind.ANONYMOUS:
        name = "Somebody not signed in"
    behalf = actor.get("on_behalf_of")
    return f"{name} on behalf of {behalf}" if behalf else name


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    """Yield the first few facts that changed: `stage: Staging → Production`, `alias: champion`."""
    changed = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
    for key in changed[:_SHOWN_CHANGES]:
        old, new = _shown(before.get(key)), _shown(after.get(key))
        name = key.replace("_", " ")
        if key not in before:
            yield f"{name}: {new}"
        elif key not in after:
            yield f"{name} was {old}"
        else:
            yield f"{name}: {old} → {new}"
    if len(changed) > _SHOWN_CHANGES:
        yield f"{len(changed) - _SHOWN_CHANGES} more"


def _shown(value: object) -> str:
    if value is None or value in ("", [], {}):
        return "nothing"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…"


def _because(reason: object, joint: str) -> str:
    """Return the reason after its joint, without a full stop of its own; one kept only as a digest has no words."""
    if not isinstance(reason, str) or not reason.strip():
        return ""
    text = reason.strip().rstrip(".")
    return f"{joint}{text}" if joint == ": " else f"{joint}“{text}”"

"""The writers of evidence: the people who wrote the facts that a verdict reads. Four eyes excludes them as approvers.

`FACT_WRITERS` maps each fact that people write to the roles and kinds of evidence of its writers. `NOT_WRITTEN` maps
every other fact to the reason why it excludes nobody. A test fails for a fact that is in neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from approvals.case.origins import nodes_of_bytes
from approvals.verdict.votes import WRITER_PREFIX
from audit.evidence import Evidence, logged_model_subject, version_subject
from audit.models import EvidenceWriter
from lineage.evidence import QUARANTINE_RELEASED, ancestry_writers
from policies.rules import CheckRule, Rule
from registry.models import ModelVersion
from registry.payload_queries import Origins
from tracking.models import LoggedModel, Metric
from tracking.provenance import COMMIT_KEYS, DATASET_KEY, REPO_KEY
from validation.base import Subject, Written

# What the writer of each kind of evidence did, as a phrase that follows their name.
KINDS: Mapping[str, str] = {
    Evidence.VERSION_TAG: "set or deleted the tag {detail} of the version",
    Evidence.LOGGED_MODEL: "wrote {detail} of the logged model",
    Evidence.EDGE_DECLARED: "declared a lineage edge from {detail}",
    Evidence.EDGE_RETRACTED: "retracted the lineage edge from {detail}",
    QUARANTINE_RELEASED: "released the quarantine of {detail}",
}
# The four-eyes roles (policies/rule_parsing.py) of people who wrote facts.
ROLES = ("requester", "version_author", "run_user", "card_editor", "check_author", "waiver_author")
FACT_WRITERS: Mapping[str, tuple[str, ...]] = {
    "Subject.archive_existing": ("requester",),
    "Subject.target": ("requester",),
    "Subject.artifact_path": ("version_author",),
    "Subject.artifact_digest": ("version_author",),
    "Subject.authors": ("version_author",),
    "Subject.tags": (Evidence.VERSION_TAG,),
    "Subject.run": ("run_user", Evidence.LOGGED_MODEL),
    "Subject.card": ("card_editor",),
    "Subject.ancestry": (Evidence.EDGE_DECLARED, Evidence.EDGE_RETRACTED, QUARANTINE_RELEASED),
    "RunFacts.created_by": ("run_user",),
    "RunFacts.writers": ("run_user",),
    "RunFacts.run_id": ("version_author",),
    "RunFacts.tags": ("run_user",),
    "RunFacts.params": ("run_user",),
    "RunFacts.metrics": ("run_user",),
    "RunFacts.unusable": ("run_user",),
    "RunFacts.datasets": ("run_user",),
    "RunFacts.measured_on": ("run_user",),
    "CardFacts.digest": ("card_editor",),
    "CardFacts.missing": ("card_editor",),
    "CardFacts.written": ("card_editor",),
    "CardFacts.editors": ("card_editor",),
    "CardFacts.since": ("card_editor",),
    "Ancestry.quarantined": (QUARANTINE_RELEASED, Evidence.EDGE_DECLARED, Evidence.EDGE_RETRACTED),
    "Snapshot.checks": ("check_author",),
    "Snapshot.overrides": ("waiver_author",),
    "CheckFacts.author": ("check_author",),
    "CheckFacts.state": ("check_author",),
    "CheckFacts.summary": ("check_author",),
}
_SERVER = "this server sets it"
_POLICY = "two people publish it (approvals/policy_changes/); nobody may relax it for their own version"
_PINNED = "pinned when the version was promoted (approvals/case/pins.py)"
_REVIEW = "a decision of a reviewer, which four eyes requires"
_RELAXING = "people involved in the model may not relax it (approvals/policy_changes/scope_guards.py)"
NOT_WRITTEN: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "Subject.model_id",
            "Subject.version_id",
            "Subject.number",
            "Subject.source",
            "Subject.staged_at",
            "Subject.written",
            "Ancestry.complete",
            "CheckFacts.since",
            "CheckFacts.progress",
            "CheckFacts.check_run_id",
            "Snapshot.people",
            "Snapshot.subject_digest",
            "Snapshot.opened_at",
            "Snapshot.expires_at",
            "Snapshot.parts",
            "Snapshot.source",
            "Snapshot.has_incumbent",
            "Snapshot.staged_since",
            "Snapshot.left_target_at",
            "Snapshot.earlier_obstacle",
            "Snapshot.review_due_at",
        ),
        _SERVER,
    ),
    **dict.fromkeys(
        ("Snapshot.rules", "Snapshot.e_signature", "Snapshot.needs_passkey", "Snapshot.needs_device_passkey"), _POLICY
    ),
    **dict.fromkeys(
        ("Subject.model_name", "Subject.model_tags", "Subject.tier", "Snapshot.model_name", "Snapshot.model_tags"),
        _RELAXING,
    ),
    "Snapshot.tier": _RELAXING,
    **dict.fromkeys(("Subject.incumbent", "Subject.predecessor", "Subject.baseline"), _PINNED),
    **dict.fromkeys(("Subject.leaves", "Snapshot.earlier_request"), _SERVER),
    **dict.fromkeys(
        (
            "Subject.deployed",
            "Subject.deployed_until",
            "Subject.ended_by",
            "Snapshot.deployed",
            "Snapshot.deployed_until",
        ),
        "a deployment adds rules; the requester does not remove them by ending it",
    ),
    **dict.fromkeys(
        ("Subject.attested_at", "Snapshot.attested_at"), "the owner attests in person, and approves nothing by it"
    ),
    "Snapshot.reason": "requesters give it, and never approve",
    **dict.fromkeys(("Snapshot.reviews", "Snapshot.rejections"), _REVIEW),
    "Snapshot.findings": "an author of the version may not close one of severity high or critical (approvals/permissions/oversight.py)",
}
# Version tags whose writers are excluded under every policy: these tags name the data, code and origin of the version.
_LINEAGE_KEYS = frozenset({DATASET_KEY, REPO_KEY, "triggered_by", *COMMIT_KEYS})


def counted_keys(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the version tags whose writers these rules exclude: lineage keys, and keys in parameters of checks."""
    params = [value for rule in rules if isinstance(rule, CheckRule) for value in rule.params.values()]
    return _LINEAGE_KEYS.union(*(_texts(value) for value in params))


def _texts(value: object) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, list | tuple):
        return frozenset().union(*(_texts(item) for item in value))
    return frozenset()


def roles_of_writers(subject: Subject, keys: Collection[str] = _LINEAGE_KEYS) -> dict[str, set[str]]:
    """Return the usernames of the writers of a subject's evidence, by role: WRITER_PREFIX and a phrase of KINDS.

    Version tags count only if their key is one of ``keys``.
    """
    roles: dict[str, set[str]] = {}
    for row in subject.written:
        if row.kind != Evidence.VERSION_TAG or row.detail in keys:
            roles.setdefault(WRITER_PREFIX + KINDS[row.kind].format(detail=row.detail), set()).add(row.name)
    return roles


def written_about(versions: Iterable[ModelVersion], origins: Mapping[int, Origins]) -> dict[int, tuple[Written, ...]]:
    """Return the evidence that people wrote about each version, by version id; a fixed number of queries.

    Lineage evidence is that of the version, of every version with the same bytes, and of the runs that held them.
    """
    rows = list(versions)
    models = {row.logged_model_id for row in rows} - {""}
    about = _recorded({version_subject(row.pk) for row in rows} | {logged_model_subject(pk) for pk in models})
    for pk, written in _logged_models(models).items():
        about.setdefault(logged_model_subject(pk), set()).update(written)
    urns = nodes_of_bytes(rows, origins)
    above = ancestry_writers(set().union(*urns.values()))
    return {
        row.pk: tuple(
            sorted(
                {
                    *about.get(version_subject(row.pk), ()),
                    *about.get(logged_model_subject(row.logged_model_id), ()),
                    *(
                        Written(change.name, change.kind, change.detail)
                        for urn in urns[row.pk]
                        for change in above.get(urn, ())
                    ),
                },
                key=lambda written: (written.name, written.kind, written.detail),
            )
        )
        for row in rows
    }


def _recorded(subjects: Collection[str]) -> dict[str, set[Written]]:
    """Return the evidence in the table of writers, by subject; one query."""
    written: dict[str, set[Written]] = {}
    writers = EvidenceWriter.objects.filter(subject__in=subjects)
    for subject, name, kind, detail in writers.values_list("subject", "name", "kind", "detail"):
        written.setdefault(subject, set()).add(Written(name, kind, detail))
    return written


def _logged_models(model_ids: Collection[str]) -> dict[str, set[Written]]:
    """Return the evidence about these logged models, by their id; two queries.

    Its writers created the logged model, or wrote to a run that logged metrics of it.
    """
    written: dict[str, set[Written]] = {}
    kind = Evidence.LOGGED_MODEL
    for pk, name in LoggedModel.objects.filter(pk__in=model_ids).values_list("pk", "created_by"):
        written.setdefault(pk, set()).add(Written(name, kind, "the files"))
    metrics = Metric.objects.filter(model_id__in=model_ids).values_list(
        "model_id", "run__created_by", "run__writers__name"
    )
    for pk, *names in metrics.distinct():
        written.setdefault(pk, set()).update(Written(name, kind, "metrics") for name in names if name)
    return written

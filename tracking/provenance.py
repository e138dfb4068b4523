"""The data and code that a run's tags, params and inputs name, recorded in the lineage graph.

`dataset_version` (a tag or a param) names the data, as in ``orders_v2.1+users_v3.0``; `git_commit` or
`mlflow.source.git.commit` the code. Must be called inside the transaction of the change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from core.actors import Actor
from core.refs import run_ref
from lineage.identity.claims import ClaimedInput, Witness
from lineage.identity.names import DEFAULT_NAMES, UNVERSIONED, dataset_key, repository_key, version_key
from lineage.identity.nodes import dataset_spec, repository_spec, run_spec
from lineage.services import OBSERVED, record_code, record_evaluation, record_inputs, record_parent
from lineage.suggestions.generate import look_again
from lineage.withdrawn import TAG_CHANGED
from tracking.dataset_versions import parse_dataset_versions, split_version
from tracking.limits import Point
from tracking.models import Run, RunTag

DATASET_KEY = "dataset_version"
COMMIT_KEYS = ("git_commit", "mlflow.source.git.commit")
REPO_KEY = "mlflow.source.git.repoURL"
PARENT_KEY = "mlflow.parentRunId"
# The tag that lists the files of a run that DVC tracks (registry/reproduction.py). Edges are suggested from it.
FILES_KEY = "custody.dvc"
_CODE_KEYS = frozenset({*COMMIT_KEYS, REPO_KEY})

_LONGEST_NAME = 300
_LONGEST_VERSION = 200
_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}")


def record_run_facts(
    *, actor: Actor, run: Run, key_kind: str, values: Mapping[str, str], mode: str = OBSERVED, origin: str = ""
) -> None:
    """Record in the graph the inputs that tags or params of a run name. ``key_kind`` is "tag" or "param".

    An empty value means that the tag was deleted. ``origin`` names the server that facts with another ``mode`` than
    "observed" were imported from.
    """
    if DATASET_KEY in values:
        record_inputs(
            actor=actor,
            run_id=run.pk,
            claimed=_claims_of_value(run, values[DATASET_KEY]),
            witness=Witness(mode, _witness(f"{run_ref(run.pk)} {key_kind} {DATASET_KEY}", origin), key_kind),
            replaces=TAG_CHANGED,
        )
    if key_kind == "tag" and _CODE_KEYS & values.keys():
        _record_commits(actor, run, mode, origin)
    if key_kind == "tag" and PARENT_KEY in values:
        parent = values[PARENT_KEY].strip()
        record_parent(actor=actor, run_id=run.pk, parent_id=parent if _RUN_ID.fullmatch(parent) else "")
    if key_kind == "tag" and FILES_KEY in values:
        look_again(run_spec(run.pk))


def _claims_of_value(run: Run, value: str) -> list[ClaimedInput]:
    """Return the dataset versions that a `dataset_version` value names, always in the same order: no deadlock."""
    claims = {}
    for name, version in parse_dataset_versions(value):
        # A bare version names no dataset. Within one experiment it means the same dataset, elsewhere perhaps another.
        item = _dataset(run, name or f"{run.experiment.name} dataset", version)
        claims[item.container.urn, item.version] = item
    return [claims[key] for key in sorted(claims)]


def _dataset(run: Run, name: str, version: str = "", digest: str = "", role: str = "") -> ClaimedInput:
    """Return the claim of a dataset that a run names; all spellings of a name give the same dataset."""
    scope = f"experiment-{run.experiment_id}" if dataset_key(name) in DEFAULT_NAMES else ""
    spec = dataset_spec(_fit(name, _LONGEST_NAME), scope)
    return ClaimedInput(spec, _fit(version_key(version), _LONGEST_VERSION), digest, role)


def _witness(fact: str, origin: str) -> str:
    return f"{fact} of {origin}" if origin else fact


def _record_commits(actor: Actor, run: Run, mode: str, origin: str) -> None:
    """Record the commits of a run.

    MLflow logs the whole hash and people often its first digits; both name the same commit.
    """
    tags = dict(RunTag.objects.filter(run=run, key__in=_CODE_KEYS).values_list("key", "value"))
    commits = {tags[key].strip() for key in COMMIT_KEYS if tags.get(key, "").strip()}
    longest = [sha for sha in sorted(commits) if not any(other != sha and other.startswith(sha) for other in commits)]
    address = repository_key(tags.get(REPO_KEY, ""))
    repository = repository_spec(_fit(address, _LONGEST_NAME), f"experiment {run.experiment_id}")
    record_code(
        actor=actor,
        run_id=run.pk,
        claimed=[ClaimedInput(repository, _fit(commit, _LONGEST_VERSION)) for commit in longest],
        witness=Witness(mode, _witness(run_ref(run.pk), origin), "commit"),
        reason=TAG_CHANGED,
    )


def record_dataset_inputs(
    *, actor: Actor, run: Run, inputs: Iterable[tuple[str, str, str]], mode: str = OBSERVED, origin: str = ""
) -> None:
    """Record datasets that log-inputs names, as (name, digest, role).

    A name may end in a version (`orders_v2.1`). The version that the run's `dataset_version` gives is that of its one
    input of the same name, or of the one that it trained on.
    """
    record_inputs(
        actor=actor,
        run_id=run.pk,
        claimed=_claims_of_inputs(run, inputs),
        witness=Witness(mode, _witness(f"{run_ref(run.pk)} log-inputs", origin), "input"),
    )


def record_evaluations(*, actor: Actor, run: Run, points: Iterable[Point]) -> None:
    """Record which logged models these metric values measure, and on which datasets; once for each pair."""
    pairs = {(point.model_id, point.dataset_name, point.dataset_digest) for point in points if point.model_id}
    for model_id, name, digest in sorted(pairs):
        if name and digest:
            (claim,) = _claims_of_inputs(run, [(name, digest, "")])
            record_evaluation(actor=actor, run_id=run.pk, model_id=model_id, dataset=claim)


def _claims_of_inputs(run: Run, inputs: Iterable[tuple[str, str, str]]) -> list[ClaimedInput]:
    claims = []
    for name, digest, role in inputs:
        base, version = split_version(name)
        has_version = bool(base) and version != UNVERSIONED
        claims.append(_dataset(run, base if has_version else name, version if has_version else "", digest, role))
    return claims


def _fit(text: str, longest: int) -> str:
    """Return text short enough for a node; a hash of the whole text keeps two long texts different."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - 13]}~{hashlib.sha256(text.encode()).hexdigest()[:12]}"

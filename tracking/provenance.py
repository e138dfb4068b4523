"""What a run's tags and params say about its data and its code, as facts of the lineage graph.

`dataset_version` (a tag or a param) names the data, as in ``orders_v2.1+users_v3.0``; `git_commit` or
`mlflow.source.git.commit` the code. Must be called inside the transaction of the change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from core.actors import Actor
from core.refs import run_ref
from lineage.services import OBSERVED, record_code, record_consumed
from tracking.models import Param, Run, RunTag

DATASET_KEY = "dataset_version"
COMMIT_KEYS = ("git_commit", "mlflow.source.git.commit")
REPO_KEY = "mlflow.source.git.repoURL"
UNVERSIONED = "unversioned"
MAX_DATASETS = 100

_SEPARATORS = re.compile(r"[+,;]")
_AT = re.compile(r"(.+)@([^\s/@]+)")
_COLON = re.compile(r"(.+?):([^\s/:]+)")
_UNDERSCORE = re.compile(r"(.+)[_-]([vV]\d[\w.-]*)")
_BARE_VERSION = re.compile(r"[vV]\d[\w.-]*|\d+(?:[.-]\d+)*")
_LONGEST_NAME = 300
_LONGEST_VERSION = 200


def parse_dataset_versions(text: str) -> list[tuple[str, str]]:
    """Return the (dataset, version) pairs that a `dataset_version` value names, each once, in its order.

    ``+``, ``,`` and ``;`` separate datasets. ``name@X``, ``name:X`` and ``name_vX`` (or ``name-vX``) give a version; a bare
    version (``v1.2``, ``2026-11-01``) has the name ""; anything else is a name whose version is "unversioned".
    """
    pieces = [piece.strip() for piece in _SEPARATORS.split(text)]
    return list(dict.fromkeys(_split(piece) for piece in pieces if piece))[:MAX_DATASETS]


def _split(piece: str) -> tuple[str, str]:
    if _BARE_VERSION.fullmatch(piece):
        return "", piece
    if match := _AT.fullmatch(piece):
        return match[1].rstrip(), match[2]
    if _may_have_colon_version(piece) and (match := _COLON.fullmatch(piece)):
        return match[1].rstrip(), match[2]
    if match := _UNDERSCORE.fullmatch(piece):
        return match[1].rstrip(), match[2]
    return piece, UNVERSIONED


def _may_have_colon_version(piece: str) -> bool:
    """Tell a version after a colon from a URI's scheme or port: ``s3://bucket/orders:v2`` has one, ``db://host:5432`` not."""
    _, scheme, rest = piece.partition("://")
    return not scheme or "/" in rest


def record_run_facts(
    *, actor: Actor, run: Run, key_kind: str, values: Mapping[str, str], mode: str = OBSERVED, origin: str = ""
) -> None:
    """Record in the graph what the given tags or params (``key_kind``: "tag" or "param") of a run say about its inputs.

    ``origin`` names the server that facts with another ``mode`` than "observed" were imported from.
    """
    if value := values.get(DATASET_KEY, ""):
        for name, version in sorted(parse_dataset_versions(value)):  # in one order everywhere: no deadlock on new nodes
            # A bare version names no dataset; within its experiment it means the same thing, elsewhere maybe not.
            dataset = name or f"{run.experiment.name} dataset"
            record_consumed(
                actor=actor,
                run_id=run.pk,
                dataset=_fit(dataset, _LONGEST_NAME),
                version=_fit(version, _LONGEST_VERSION),
                mode=mode,
                source=_witness(f"{run_ref(run.pk)} {key_kind} {DATASET_KEY}", origin),
            )
    if key_kind == "tag":
        _record_commit(actor, run, values, mode, origin)


def _witness(fact: str, origin: str) -> str:
    return f"{fact} of {origin}" if origin else fact


def _record_commit(actor: Actor, run: Run, tags: Mapping[str, str], mode: str, origin: str) -> None:
    commit = next((tags[key].strip() for key in COMMIT_KEYS if tags.get(key, "").strip()), "")
    if commit:
        known = dict(RunTag.objects.filter(run=run, key__in=[*COMMIT_KEYS, REPO_KEY]).values_list("key", "value"))
        # MLflow notes the whole hash, people's tags often its first digits: one commit, one node.
        same = [known[key].strip() for key in COMMIT_KEYS if known.get(key, "").strip().startswith(commit)]
        record_code(
            actor=actor,
            run_id=run.pk,
            commit=_fit(max([commit, *same], key=len), _LONGEST_VERSION),
            repo=_fit(tags.get(REPO_KEY) or known.get(REPO_KEY, ""), _LONGEST_NAME),
            mode=mode,
            source=_witness(run_ref(run.pk), origin),
        )


def record_dataset_input(
    *, actor: Actor, run: Run, name: str, digest: str, role: str, mode: str = OBSERVED, origin: str = ""
) -> None:
    """Record a dataset that log-inputs names: its digest is its version.

    Where the run's `dataset_version` names the same dataset it is that version, and now its digest is known as well.
    """
    dataset, version = _declared(run, name) or (name, digest)
    record_consumed(
        actor=actor,
        run_id=run.pk,
        dataset=_fit(dataset, _LONGEST_NAME),
        version=_fit(version, _LONGEST_VERSION),
        digest=digest,
        role=role[:32],
        mode=mode,
        source=_witness(f"{run_ref(run.pk)} log-inputs", origin),
    )


def _declared(run: Run, name: str) -> tuple[str, str] | None:
    """Return the dataset version of the run's `dataset_version` that an input's name (`orders` or `orders_v2.1`) means."""
    said = [*RunTag.objects.filter(run=run, key=DATASET_KEY).values_list("value", flat=True)]
    said += Param.objects.filter(run=run, key=DATASET_KEY).values_list("value", flat=True)
    pairs = [pair for text in said for pair in parse_dataset_versions(text)]
    return next((pair for pair in pairs if name == pair[0] or _split(name) == pair), None)


def _fit(text: str, longest: int) -> str:
    """Return text short enough for a node; what is cut off still tells two of them apart."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - 13]}~{hashlib.sha256(text.encode()).hexdigest()[:12]}"

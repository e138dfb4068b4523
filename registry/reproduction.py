"""The recorded facts that are needed to train a version again: code, command, data, environment, seed and outputs.

The level is the number of parts that are known in this order: 1 code, 2 command, 3 data, 4 environment, 5 outputs to
compare with. A part counts only where all parts before it are known.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from core.refs import run_ref, version_ref
from lineage.identity.names import UNVERSIONED
from lineage.models import Edge, NodeKind, Relation
from registry.models import ModelVersion
from tracking.models import Param, RunTag
from tracking.provenance import FILES_KEY

# The tags of a run that a reproduction reads. The first tag of a list that the run has is used.
COMMAND = ("custody.command",)
FOLDER = ("custody.workdir",)
COMMIT = ("mlflow.source.git.commit", "mlflow.git.commit", "git_commit")
REPOSITORY = ("mlflow.source.git.repoURL", "mlflow.git.repo_url")
DIRTY = ("custody.git.dirty", "mlflow.git.dirty")
PATCH = ("custody.git.patch", "mlflow.git.diff")
FILES = (FILES_KEY,)
SEED = ("custody.seed",)
HARDWARE = ("custody.hardware",)
OUTPUTS = ("custody.outputs",)
ALL_TAGS = (
    *COMMAND,
    *FOLDER,
    *COMMIT,
    *REPOSITORY,
    *DIRTY,
    *PATCH,
    *FILES,
    *SEED,
    *HARDWARE,
    *OUTPUTS,
    "mlflow.source.name",
)
LEVELS = ("nothing", "code", "command", "data", "environment", "outputs")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_MD5 = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PINNED = re.compile(r"[A-Za-z0-9._-]+(\[[A-Za-z0-9,._-]+\])?==[A-Za-z0-9.+!_-]+")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that DVC tracks: its path in the repository, its MD5, and its DVC remote ("" for the default remote)."""

    path: str
    md5: str
    remote: str


@dataclass(frozen=True, slots=True)
class Reproduction:
    """The recorded parts of a training. ``missing`` says, for each part that is not recorded, what to log."""

    version: str
    run_id: str
    repository: str
    commit: str
    is_dirty: bool
    patch: str
    command: tuple[str, ...]
    folder: str
    params: Mapping[str, str]
    datasets: tuple[str, ...]
    files: tuple[DataFile, ...]
    python: str
    packages: tuple[str, ...]
    seed: str
    hardware: str
    outputs: Mapping[str, str]
    missing: Mapping[str, str]

    @property
    def level(self) -> int:
        """Return how many parts are known before the first that is missing: 0 to 5."""
        is_known = [part not in self.missing for part in LEVELS[1:]]
        return is_known.index(False) if False in is_known else len(is_known)

    def as_json(self) -> dict[str, Any]:
        """Return the parts as JSON values."""
        return {
            "version": self.version,
            "run_id": self.run_id,
            "level": self.level,
            "level_text": LEVELS[self.level],
            "repository": self.repository,
            "commit": self.commit,
            "dirty": self.is_dirty,
            "patch": self.patch,
            "command": list(self.command),
            "workdir": self.folder,
            "params": dict(self.params),
            "datasets": list(self.datasets),
            "dvc": [{"path": file.path, "md5": file.md5, "remote": file.remote} for file in self.files],
            "python": self.python,
            "packages": list(self.packages),
            "seed": self.seed,
            "hardware": self.hardware,
            "outputs": dict(self.outputs),
            "missing": dict(self.missing),
        }


def reproduction_of(version: ModelVersion) -> Reproduction:
    """Return the recorded parts of the training of a version; a fixed number of queries."""
    tags = _tags(version.run_id)
    nodes = _inputs(version)
    python, packages = _environment(nodes)
    data = [node for node in nodes if node.kind == NodeKind.DATASET_VERSION]
    files = data_files(_first(tags, FILES))
    commit, dirty, patch = (
        _first(tags, COMMIT).lower(),
        _first(tags, DIRTY).lower() in ("true", "1"),
        _first(tags, PATCH),
    )
    training = Reproduction(
        version=version_ref(version.model.name, version.version),
        run_id=version.run_id,
        repository=_first(tags, REPOSITORY),
        commit=commit if _COMMIT.fullmatch(commit) else "",
        is_dirty=dirty,
        patch=patch,
        command=_command(tags),
        folder=_inside(_first(tags, FOLDER)),
        params=dict(Param.objects.filter(run=version.run_id).order_by("key").values_list("key", "value")),
        datasets=tuple(sorted({f"{node.name}@{node.version}" for node in data})),
        files=files,
        python=python,
        packages=packages,
        seed=_first(tags, SEED),
        hardware=_first(tags, HARDWARE),
        outputs=_outputs(_first(tags, OUTPUTS)),
        missing={},
    )
    return _with_missing(training, unversioned=[node.name for node in data if node.version == UNVERSIONED])


def _with_missing(training: Reproduction, unversioned: Sequence[str]) -> Reproduction:
    missing = {
        "code": _missing_code(training),
        "command": ""
        if training.command
        else f'Set {COMMAND[0]} to the command as a JSON list: ["python", "train.py"].',
        "data": _missing_data(training, unversioned),
        "environment": _missing_environment(training),
        "outputs": ""
        if training.outputs
        else f"Set {OUTPUTS[0]} to the files that the training writes, with their SHA-256, as JSON.",
    }
    return replace(training, missing={part: text for part, text in missing.items() if text})


def _missing_code(training: Reproduction) -> str:
    if not training.repository or not training.commit:
        return f"Set the tags {REPOSITORY[0]} and {COMMIT[0]} on the run."
    if training.is_dirty and not training.patch:
        return f"The working tree had changes that were not committed. Set {PATCH[0]} to the output of git diff."
    return ""


def _missing_data(training: Reproduction, unversioned: Sequence[str]) -> str:
    if training.files:
        return ""
    if not training.datasets or unversioned:
        return f"Log the data with a version, and set {FILES[0]} to its files with md5 and remote."
    return f"The run names its data, but not the location of the files. Set {FILES[0]} to path, md5 and remote of each."


def _missing_environment(training: Reproduction) -> str:
    if not training.packages and not training.python:
        return "Log the model with its requirements (mlflow writes requirements.txt beside the model)."
    loose = [line for line in training.packages if not _PINNED.fullmatch(line.split(";")[0].strip())]
    return f"Log exact versions (==) of: {', '.join(loose[:5])}." if loose else ""


def _tags(run_id: str) -> dict[str, str]:
    if not run_id:
        return {}
    return dict(RunTag.objects.filter(run=run_id, key__in=ALL_TAGS).values_list("key", "value"))


def _inputs(version: ModelVersion) -> list[Any]:
    """Return the direct inputs of the version and of its run."""
    urns = [version_ref(version.model.name, version.version), *([run_ref(version.run_id)] if version.run_id else [])]
    rels = (Relation.CONSUMED, Relation.INHERITED, Relation.USED_ENV)
    return [
        edge.src
        for edge in Edge.objects.filter(dst__urn__in=urns, rel__in=rels).select_related("src").order_by("src_id")
    ]


def _environment(nodes: Sequence[Any]) -> tuple[str, tuple[str, ...]]:
    for node in nodes:
        if node.kind == NodeKind.ENVIRONMENT:
            return str(node.attrs.get("python", "")), tuple(str(line) for line in node.attrs.get("packages", []))
    return "", ()


def _first(tags: Mapping[str, str], keys: Sequence[str]) -> str:
    return next((tags[key].strip("\n") for key in keys if tags.get(key, "").strip()), "")


def _command(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words of the command, which a tag has as a JSON list or as a shell command line; () for none."""
    text = _first(tags, COMMAND)
    if not text:
        name = tags.get("mlflow.source.name", "")
        return ("python", name) if name.endswith(".py") and _inside(name) == name else ()
    try:
        words = json.loads(text) if text.lstrip().startswith("[") else shlex.split(text)
    except ValueError:
        return ()
    return tuple(words) if words and all(isinstance(word, str) for word in words) else ()


def _inside(path: str) -> str:
    """Return a relative path, "" for one that is absolute, leaves the repository or looks like an option."""
    parts = PurePosixPath(path).parts
    return "" if path.startswith(("/", "-")) or ".." in parts else path


def _listed(text: str) -> list[dict[str, Any]]:
    try:
        value = json.loads(text) if text else []
    except ValueError:
        return []
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def data_files(text: str) -> tuple[DataFile, ...]:
    """Return the files that the value of the tag ``custody.dvc`` lists; those without a path or an MD5 are left out."""
    files = []
    for item in _listed(text):
        path, md5 = _inside(str(item.get("path", ""))), str(item.get("md5", "")).lower()
        if path and _MD5.fullmatch(md5):
            files.append(DataFile(path, md5, str(item.get("remote", ""))))
    return tuple(files)


def _outputs(text: str) -> dict[str, str]:
    digests = {}
    for item in _listed(text):
        path, digest = _inside(str(item.get("path", ""))), str(item.get("sha256", "")).lower()
        if path and _SHA256.fullmatch(digest):
            digests[path] = digest
    return digests

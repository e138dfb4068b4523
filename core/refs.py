"""References: how events and the lineage graph name objects. ``kind:identity``, readable, and never a foreign key."""

from __future__ import annotations

from typing import NamedTuple, Protocol

# The reference of the audit log itself.
AUDIT_LOG = "audit:log"


def escaped(part: str) -> str:
    """Return a part of a reference with ``%`` and ``/`` percent-encoded, so that (a, b/c) and (a/b, c) differ."""
    return part.replace("%", "%25").replace("/", "%2F")


class EventObject(NamedTuple):
    """The object of an event: its reference, and the event stream of its registered model,
    "" for none.
    """

    ref: str
    stream: str = ""


class Auditable(Protocol):
    """A row that says how events name it. `record` and `Denied` take one in place of a reference and a stream."""

    @property
    def event_object(self) -> EventObject:
        """Return the reference and the stream of this row."""
        ...


def event_object_of(obj: str | Auditable, stream: str = "") -> EventObject:
    """Return the reference and the stream of a row; of a plain reference, itself and ``stream``."""
    return EventObject(obj, stream) if isinstance(obj, str) else obj.event_object


def model_ref(name: str) -> str:
    """Return the reference of a registered model."""
    return f"model:{name}"


def version_ref(name: str, version: int | str) -> str:
    """Return the reference of a model version."""
    return f"model-version:{name}/{version}"


def run_ref(run_id: str) -> str:
    """Return the reference of a run."""
    return f"run:{run_id}"


def experiment_ref(experiment_id: int | str) -> str:
    """Return the reference of an experiment."""
    return f"experiment:{experiment_id}"


def experiment_pattern_ref(pattern: str) -> str:
    """Return the reference of a pattern of experiment names."""
    return f"experiment-pattern:{pattern}"


def trace_ref(trace_id: str) -> str:
    """Return the reference of a trace."""
    return f"trace:{trace_id}"


def logged_model_ref(model_id: str) -> str:
    """Return the reference of a logged model."""
    return f"logged-model:{model_id}"


def artifact_ref(path: str) -> str:
    """Return the reference of an artifact by its path."""
    return f"artifact:{path}"


def dataset_ref(name: str, scope: str = "") -> str:
    """Return the reference of a dataset; ``scope`` is the experiment of a name that means nothing elsewhere."""
    return f"dataset:{_within(scope)}{escaped(name)}"


def dataset_version_ref(name: str, version: str, scope: str = "") -> str:
    """Return the reference of a dataset version."""
    return f"dataset-version:{_within(scope)}{escaped(name)}/{escaped(version)}"


def content_ref(digest: str, dataset: str = "") -> str:
    """Return the reference of bytes by their digest; a short digest means something only within its dataset."""
    return f"content:{_within(dataset)}{escaped(digest)}"


def repository_ref(name: str) -> str:
    """Return the reference of a repository, or of an experiment whose commits name none."""
    return f"repository:{escaped(name)}"


def code_ref(commit: str, repository: str = "") -> str:
    """Return the reference of a commit in a repository."""
    return f"code:{_within(repository)}{escaped(commit)}"


def evaluation_ref(run_id: str, model: str, dataset: str = "") -> str:
    """Return the reference of the evaluation of a logged model by a run, on a dataset version or on unknown data."""
    return f"evaluation:{escaped(run_id)}/{escaped(model)}/{escaped(dataset)}"


def environment_ref(digest: str) -> str:
    """Return the reference of an environment by the digest of its requirements."""
    return f"environment:{digest}"


def _within(scope: str) -> str:
    return f"{escaped(scope)}/" if scope else ""


def endpoint_ref(name: str) -> str:
    """Return the reference of a serving endpoint."""
    return f"endpoint:{name}"


def deployment_ref(endpoint: str, number: int | str) -> str:
    """Return the reference of a deployment: ``deployment:<endpoint>@<number>``."""
    return f"deployment:{endpoint}@{number}"


def request_ref(request_id: int | str) -> str:
    """Return the reference of a transition request."""
    return f"transition-request:{request_id}"


def finding_ref(finding_id: int | str) -> str:
    """Return the reference of a finding."""
    return f"finding:{finding_id}"


def check_key_ref(name: str) -> str:
    """Return the reference of a key that signs check results."""
    return f"check-key:{name}"


def policy_ref(name: str) -> str:
    """Return the reference of a policy."""
    return f"policy:{name}"


def proposal_ref(proposal_id: int | str) -> str:
    """Return the reference of a policy proposal."""
    return f"policy-proposal:{proposal_id}"


def group_ref(name: str) -> str:
    """Return the reference of a group of users."""
    return f"group:{name}"


def user_ref(username: str) -> str:
    """Return the reference of a user by name."""
    return f"user:{username}"


def webhook_ref(webhook_id: str) -> str:
    """Return the reference of a webhook."""
    return f"webhook:{webhook_id}"


def model_stream(model_id: int) -> str:
    """Return the event stream of a registered model; a rename does not change it."""
    return f"model:{model_id}"

"""References: how events and the lineage graph name objects. ``kind:identity``, readable, and never a foreign key."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class EventObject(NamedTuple):
    """What an event is about: the reference of the object, and the event stream of its registered model, "" for none."""

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


def trace_ref(trace_id: str) -> str:
    """Return the reference of a trace."""
    return f"trace:{trace_id}"


def logged_model_ref(model_id: str) -> str:
    """Return the reference of a logged model."""
    return f"logged-model:{model_id}"


def artifact_ref(path: str) -> str:
    """Return the reference of an artifact by its path."""
    return f"artifact:{path}"


def dataset_ref(name: str) -> str:
    """Return the reference of a dataset."""
    return f"dataset:{name}"


def dataset_version_ref(name: str, version: str) -> str:
    """Return the reference of a dataset version."""
    return f"dataset-version:{name}/{version}"


def code_ref(commit: str) -> str:
    """Return the reference of a code version."""
    return f"code:{commit}"


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

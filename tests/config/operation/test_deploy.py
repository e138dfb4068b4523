"""The files in deploy/: manifests for Kubernetes, units for systemd, the compose file, and the table in the guide."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import resolve

from config.celery import app
from tests.architecture.source import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
# The fields of what the manifests hold, below `spec` or beside it; a misspelt one is refused.
FIELDS = {
    "ConfigMap": {"data"},
    "Deployment": {"replicas", "selector", "strategy", "template"},
    "Ingress": {"ingressClassName", "rules", "tls"},
    "Job": {"backoffLimit", "template", "ttlSecondsAfterFinished"},
    "Namespace": set(),
    "NetworkPolicy": {"ingress", "podSelector", "policyTypes"},
    "PersistentVolumeClaim": {"accessModes", "resources"},
    "PodDisruptionBudget": {"minAvailable", "selector"},
    "Secret": {"stringData", "type"},
    "Service": {"ports", "selector"},
}
POD = {
    *("automountServiceAccountToken", "containers", "initContainers", "restartPolicy", "securityContext", "volumes"),
    *("terminationGracePeriodSeconds", "topologySpreadConstraints"),
}
CONTAINER = {
    *("command", "envFrom", "image", "livenessProbe", "name", "ports", "readinessProbe", "resources", "startupProbe"),
    *("securityContext", "volumeMounts"),
}


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def manifests() -> list[dict[str, Any]]:
    """Return every object that `kubectl apply -k` makes, and the example of the secret."""
    names = [*documents(KUBERNETES / "kustomization.yaml")[0]["resources"], "secrets.example.yaml"]
    return [document for name in names for document in documents(KUBERNETES / name)]


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests() if manifest["kind"] in kinds]


def pods() -> dict[str, dict[str, Any]]:
    """Return the pod of each deployment and job, by its name."""
    return {row["metadata"]["name"]: row["spec"]["template"] for row in of_kind("Deployment", "Job")}


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, pod in pods().items():
        for container in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]:
            yield name, container


def test_every_file_is_applied() -> None:
    files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml", "secrets.example.yaml"}
    assert set(documents(KUBERNETES / "kustomization.yaml")[0]["resources"]) == files


def test_every_field_is_known() -> None:
    for manifest in manifests():
        fields = set(manifest.get("spec", {})) | set(manifest) - {"apiVersion", "kind", "metadata", "spec"}
        assert fields <= FIELDS[manifest["kind"]], manifest["metadata"]
    for name, pod in pods().items():
        assert set(pod["spec"]) <= POD, name
    for name, container in containers():
        assert set(container) <= CONTAINER, name


@pytest.mark.skipif(importlib.util.find_spec("kubernetes_validate") is None, reason="pip install kubernetes-validate")
@pytest.mark.parametrize("version", ["1.34", "1.35"])
def test_the_schemas_of_kubernetes_take_them(version: str) -> None:
    validate = importlib.import_module("kubernetes_validate").validate
    for manifest in manifests():
        validate(manifest, version, strict=True)


def test_names_that_manifests_refer_to_exist() -> None:
    named = {(row["kind"], row["metadata"]["name"]) for row in manifests()}
    variables, secrets = of_kind("ConfigMap")[0]["data"], set(of_kind("Secret")[0]["stringData"])
    mounted = {Path(path).name for name, path in variables.items() if name.endswith("_FILE")}
    assert mounted == secrets
    for _, container in containers():
        assert [("ConfigMap", source["configMapRef"]["name"]) for source in container["envFrom"]] == [
            ("ConfigMap", "custody")
        ]
    for name, pod in pods().items():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        assert ("Secret", volumes["secrets"]["secret"]["secretName"]) in named, name
        assert ("PersistentVolumeClaim", volumes["log"]["persistentVolumeClaim"]["claimName"]) in named, name
        for _, container in containers():
            assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    for row in of_kind("Ingress")[0]["spec"]["rules"][0]["http"]["paths"]:
        assert ("Service", row["backend"]["service"]["name"]) in named


def test_selectors_find_their_pods() -> None:
    labels = {
        row["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] for row in of_kind("Deployment")
    }
    for row in of_kind("Service", "PodDisruptionBudget", "Deployment"):
        selector = row["spec"]["selector"]
        component = selector.get("matchLabels", selector)["app.kubernetes.io/component"]
        assert component in labels
        assert row["metadata"]["name"] == f"custody-{component}"


def test_two_web_servers_may_not_go_at_once() -> None:
    web = next(row for row in of_kind("Deployment") if row["metadata"]["name"] == "custody-web")
    assert web["spec"]["replicas"] == 2
    budget = next(row for row in of_kind("PodDisruptionBudget") if row["metadata"]["name"] == "custody-web")
    assert budget["spec"]["minAvailable"] == 1
    scheduler = next(row for row in of_kind("Deployment") if row["metadata"]["name"] == "custody-scheduler")
    assert (scheduler["spec"]["replicas"], scheduler["spec"]["strategy"]) == (1, {"type": "Recreate"})


def test_probes_ask_for_what_is_served() -> None:
    (web,) = pods()["custody-web"]["spec"]["containers"]
    paths = {kind: web[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/version", "livenessProbe": "/version", "readinessProbe": "/healthz"}
    for path in paths.values():
        assert resolve(path)


def test_nobody_runs_as_root() -> None:
    for name, pod in pods().items():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True, name
    for name, container in containers():
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}, (
            name
        )


def test_every_process_of_the_guide_has_a_deployment() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = guide.partition("| process | command | how many |")[2].partition("\n\n")[0]
    processes = {row.split("|")[1].strip().replace(", ", "-") for row in table.splitlines() if row.startswith("| ")}
    names = {name.removeprefix("custody-") for name in pods()}
    assert {name.replace("migrations", "migrate") for name in processes} - {"---"} == names


def test_every_scheduler_runs_on_the_monotonic_clock() -> None:
    """Celery's own scheduler stops when the clock is set back, and reports no heartbeat."""
    assert app.conf.beat_scheduler == "config.schedule:MonotonicScheduler"
    for path in [*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.service"), ROOT / "docs" / "operations.md"]:
        text = path.read_text(encoding="utf-8")
        for line in [line for line in text.splitlines() if "beat" in line and "celery" in line]:
            assert "--schedule " not in line, path.name


@pytest.mark.parametrize("path", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.name)
def test_units_restart_without_limit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "Type=oneshot" in text:
        return
    assert re.search(r"^Restart=always$", text, re.MULTILINE)
    assert re.search(r"^RestartSec=\d+$", text, re.MULTILINE)
    assert "StartLimitIntervalSec=0" in text.partition("[Service]")[0]

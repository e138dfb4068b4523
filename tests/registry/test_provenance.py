"""What a version was made from, as other standards say it; each is read by a library of its own in the e2e leg."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.test import Client

from accounts.models import User
from core.actors import Actor
from core.errors import InvalidState
from lineage.models import JobRun
from lineage.openlineage.inbox import receive_batch
from registry.models import ModelVersion
from registry.provenance.ancestry import ancestry_of
from registry.provenance.cyclonedx import bom_of
from registry.provenance.in_toto import statement_of
from registry.provenance.openlineage import events_of
from registry.provenance.prov_json import prov_json_of
from registry.reproduction import reproduction_of
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.conftest import Acting
from tracking.services.experiments import create_experiment
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logging import set_tag
from tracking.services.runs import create_run

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-lineage" / "bin" / "python"
DIGEST = "ab" * 16


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def version(by_ada: Actor) -> ModelVersion:
    """A version whose run read orders at a commit."""
    run = create_run(
        actor=by_ada, experiment_id=create_experiment(actor=by_ada, name="prov").pk, start_ms=1_700_000_000_000
    )
    set_tag(actor=by_ada, run_id=run.pk, key="git_commit", value="b7d9e4f0")
    set_tag(actor=by_ada, run_id=run.pk, key="mlflow.source.git.repoURL", value="https://git.example.com/fraud.git")
    log_inputs(actor=by_ada, run_id=run.pk, datasets=[DatasetInput("orders", DIGEST, "local", "file:///orders.csv")])
    create_model(actor=by_ada, name="fraud")
    made = create_version(actor=by_ada, name="fraud", source=f"runs:/{run.pk}/model", run_id=run.pk)
    made.artifact_digest = "sha256:" + "cd" * 32
    return made


def documents(actor: Actor, version: ModelVersion) -> dict[str, Any]:
    """Return the three documents."""
    ancestry = ancestry_of(actor, version)
    return {
        "prov-json": prov_json_of(ancestry),
        "in-toto": statement_of(ancestry, version, reproduction_of(version)),
        "openlineage": events_of(ancestry),
    }


def test_prov_says_what_was_used_and_generated(version: ModelVersion, by_ada: Actor) -> None:
    document = documents(by_ada, version)["prov-json"]
    assert {one["prov:type"] for one in document["entity"].values()} == {
        "model version",
        "dataset version",
        "code version",
    }
    (run,) = document["activity"]
    assert {one["prov:activity"] for one in document["used"].values()} == {run}
    assert len(document["used"]) == 2
    (made,) = document["wasGeneratedBy"].values()
    assert (made["prov:activity"], document["entity"][made["prov:entity"]]["prov:label"]) == (run, "fraud 1")


def test_the_statement_names_the_files_and_what_they_depend_on(version: ModelVersion, by_ada: Actor) -> None:
    statement = documents(by_ada, version)["in-toto"]
    assert statement["subject"] == [{"name": "fraud/1", "digest": {"sha256": "cd" * 32}}]
    code, data = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert (code["digest"], data["digest"]) == ({"gitCommit": "b7d9e4f0"}, {"md5": DIGEST})
    assert statement["predicate"]["runDetails"]["metadata"]["startedOn"].startswith("2023-11-14T")
    version.artifact_digest = ""
    with pytest.raises(InvalidState):
        documents(by_ada, version)


def test_the_bill_of_materials_names_model_data_and_code(version: ModelVersion, by_ada: Actor) -> None:
    bom = bom_of(ancestry_of(by_ada, version), version, reproduction_of(version))
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(json.dumps(bom)) is None
    model = bom["metadata"]["component"]
    assert model["hashes"] == [{"alg": "SHA-256", "content": "cd" * 32}]
    assert model["externalReferences"][0]["url"] == "https://git.example.com/fraud.git"
    (data,) = bom["components"]
    assert (data["type"], data["name"], data["hashes"]) == ("data", "orders", [{"alg": "MD5", "content": DIGEST}])
    assert model["modelCard"]["modelParameters"]["datasets"] == [{"ref": data["bom-ref"]}]
    assert bom["dependencies"] == [{"ref": model["bom-ref"], "dependsOn": [data["bom-ref"]]}]
    assert bom == bom_of(ancestry_of(by_ada, version), version, reproduction_of(version))


def test_packages_with_exact_versions_are_libraries(version: ModelVersion, by_ada: Actor) -> None:
    known = replace(reproduction_of(version), packages=("Scikit_Learn==1.5.2", "numpy>=2", "torch[gpu]==2.4.0; x"))
    bom = bom_of(ancestry_of(by_ada, version), version, known)
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(json.dumps(bom)) is None
    purls = [one["purl"] for one in bom["components"] if one["type"] == "library"]
    assert purls == ["pkg:pypi/scikit-learn@1.5.2", "pkg:pypi/torch@2.4.0"]
    assert set(purls) < set(bom["dependencies"][0]["dependsOn"])


def test_the_events_are_taken_again(version: ModelVersion, by_ada: Actor) -> None:
    events = documents(by_ada, version)["openlineage"]
    assert receive_batch(actor=by_ada, items=events) == []
    assert JobRun.objects.get().node.urn == f"run:{version.run_id}"


def test_the_api(version: ModelVersion, ada: User) -> None:
    client = Client()
    client.force_login(ada)
    path = "/api/v1/models/fraud/versions/1/provenance"
    assert "wasGeneratedBy" in client.get(path).json()
    assert client.get(f"{path}?form=openlineage").json()[0]["eventType"] == "COMPLETE"
    assert client.get(f"{path}?form=in-toto").status_code == 409
    assert client.get(f"{path}?form=cyclonedx").json()["specVersion"] == "1.7"
    assert client.get(f"{path}?form=x").status_code == 400


@pytest.mark.e2e
@pytest.mark.parametrize("form", ["prov-json", "in-toto", "openlineage"])
def test_its_own_library_reads_it(form: str, version: ModelVersion, by_ada: Actor) -> None:
    text = json.dumps(documents(by_ada, version)[form])
    command = (str(PYTHON), str(ROOT / "tests" / "lineage" / "clients" / "read_provenance.py"), form)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"prov-json": 7, "in-toto": "fraud/1", "openlineage": [version.run_id]}[form]

import io
import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from console.runs.presenters import runs as presenter
from core.actors import Actor
from tests.approvals.conftest import NewVersion
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of
from tracking.artifacts import store_artifact
from tracking.limits import Point
from tracking.models import Artifact, Experiment, LoggedModel, Run
from tracking.paths import key_of_uri
from tracking.services.logging import log_metric

RUN = f"{1:032x}"


def test_runs_are_searched_by_a_filter(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version(auc=0.93)
    new_version(auc=0.71)
    page = text_of(signed_in(ada).get("/runs/", {"q": "metrics.val_auc > 0.9"}))
    assert RUN in page
    assert f"{2:032x}" not in page


def test_runs_are_searched_by_a_part_of_the_name(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    Run.objects.filter(pk=RUN).update(name="night's boosted trees")
    assert RUN in text_of(signed_in(ada).get("/runs/", {"q": "boosted"}))
    assert "No run matches" in text_of(signed_in(ada).get("/runs/", {"q": "forest"}))


@pytest.mark.parametrize("query", ["metrics.x >", "nonsense.y = 1", "metrics.a = 'b'", "a = '"])
def test_an_invalid_filter_is_an_error_of_the_field(query: str, ada: User, signed_in: SignedIn) -> None:
    answer = signed_in(ada).get("/runs/", {"q": query})
    assert answer.status_code == 400
    assert 'id="q-problem"' in text_of(answer)


@pytest.mark.parametrize("query", [{"experiment": "x"}, {"order": "what"}, {"token": "!"}, {"experiment": "9" * 30}])
def test_other_invalid_parameters_are_reported(query: dict[str, str], ada: User, signed_in: SignedIn) -> None:
    assert signed_in(ada).get("/runs/", query).status_code == 400


def test_runs_of_every_experiment_are_found_and_the_list_of_experiments_says_that_it_is_cut(
    new_version: NewVersion, ada: User, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presenter, "_EXPERIMENTS", 1)
    new_version()
    last = Experiment.objects.create(name="zzz", created_ms=1, updated_ms=1)
    Run.objects.filter(pk=RUN).update(experiment=last)
    client = signed_in(ada)
    page = text_of(client.get("/runs/"))
    assert RUN in page
    assert "The list has the first 1 by name" in page
    assert "zzz</option>" not in page
    assert "zzz</option>" in text_of(client.get("/runs/", {"experiment": last.pk}))


def test_more_runs_cost_no_more_queries(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    new_version()
    client.get("/runs/")
    with CaptureQueriesContext(connection) as first:
        client.get("/runs/")
    new_version()
    new_version()
    with CaptureQueriesContext(connection) as more:
        client.get("/runs/")
    assert len(more) == len(first)


def test_a_run_shows_its_curves(new_version: NewVersion, by_ada: Actor, ada: User, signed_in: SignedIn) -> None:
    new_version()
    for step in range(1, 5):
        point = Point(key="loss", value=1 / step, timestamp_ms=step, step=step)
        log_metric(actor=by_ada, run_id=RUN, point=point)
    page = text_of(signed_in(ada).get(f"/runs/{RUN}/"))
    assert 'aria-label="loss: 00000000 ends at 0.25"' in page
    both = {"run": [RUN, RUN], "name": ["v1", "v2"]}
    fragment = text_of(signed_in(ada).get("/runs/curves/", both, headers={"HX-Request": "true"}))
    whole = text_of(signed_in(ada).get("/runs/curves/", both))
    assert ("<html" in fragment, "<html" in whole) == (False, True)
    assert all('aria-label="loss: ' in text for text in (fragment, whole))


def test_a_file_is_always_a_download(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    assert "MLmodel" in text_of(signed_in(ada).get(f"/runs/{RUN}/?folder=model"))
    answer = signed_in(ada).get(f"/runs/{RUN}/files/model/MLmodel")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.getvalue()


@pytest.mark.parametrize("name", ["lr%1e-3.png", "50%off.txt", "dogs%20x", "a+b?c", "ü 日本 <b>.txt", "a\\b"])
def test_links_lead_to_files_of_any_name(
    name: str, new_version: NewVersion, ada: User, signed_in: SignedIn, acting: Acting
) -> None:
    new_version()
    root = key_of_uri(Run.objects.get(pk=RUN).artifact_uri)
    store_artifact(actor=acting(ada), path=f"{root}/50%off/{name}", stream=io.BytesIO(b"x"))
    page = signed_in(ada).get(f"/runs/{RUN}/").content.decode()
    folder = next(link for link in re.findall(r'href="(\?[^"]*folder=[^"]*)"', page) if "off" in link)
    listing = signed_in(ada).get(f"/runs/{RUN}/{unescape(folder).partition('#')[0]}").content.decode()
    link = next(link for link in re.findall(r'href="([^"]*/files/[^"]*)"', listing) if "off" in link)
    assert signed_in(ada).get(unescape(link)).getvalue() == b"x"


@pytest.mark.parametrize(
    "path", ["files/none", "files/../../../etc/passwd", "files/model", "?folder=../..", "files/%00"]
)
def test_files_outside_the_run_are_not_found(
    path: str, new_version: NewVersion, ada: User, signed_in: SignedIn
) -> None:
    new_version()
    assert signed_in(ada).get(f"/runs/{RUN}/{path}").status_code in {400, 404}


def test_experiments_count_their_runs(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    assert '<td data-label="Runs" class="c-num">1</td>' in text_of(signed_in(ada).get("/experiments/"))


def test_the_files_of_a_logged_model_are_listed(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    run = Run.objects.get(pk=RUN)
    model = LoggedModel.objects.create(
        pk="m-1",
        experiment=run.experiment,
        name="clf",
        source_run=run,
        created_ms=1,
        updated_ms=1,
        artifact_uri=f"mlflow-artifacts:/{run.experiment_id}/models/m-1/artifacts",
    )
    Artifact.objects.create(
        path=f"{run.experiment_id}/models/{model.pk}/artifacts/MLmodel",
        parent=f"{run.experiment_id}/models/{model.pk}/artifacts",
        sha256="ab" * 32,
        size=2048,
    )

    page = text_of(signed_in(ada).get(f"/runs/{RUN}/"))

    assert "Logged models" in page
    assert "MLmodel" in page
    assert "abababab" in page

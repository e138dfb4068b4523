import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.actors import Actor
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of
from tracking.limits import Point
from tracking.models import Run
from tracking.services.logging import log_metric

RUN = f"{1:032x}"


def test_runs_are_found_by_mlflows_grammar(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version(auc=0.93)
    new_version(auc=0.71)
    page = text_of(signed_in(ada).get("/runs/", {"q": "metrics.val_auc > 0.9"}))
    assert RUN in page
    assert f"{2:032x}" not in page


def test_runs_are_found_by_a_part_of_the_name(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    Run.objects.filter(pk=RUN).update(name="night's boosted trees")
    assert RUN in text_of(signed_in(ada).get("/runs/", {"q": "boosted"}))
    assert "No run matches" in text_of(signed_in(ada).get("/runs/", {"q": "forest"}))


@pytest.mark.parametrize("query", ["metrics.x >", "nonsense.y = 1", "metrics.a = 'b'", "a = '"])
def test_a_filter_that_cannot_be_read_is_said_beside_the_field(query: str, ada: User, signed_in: SignedIn) -> None:
    answer = signed_in(ada).get("/runs/", {"q": query})
    assert answer.status_code == 400
    assert 'id="q-problem"' in text_of(answer)


@pytest.mark.parametrize("query", [{"experiment": "x"}, {"order": "what"}, {"token": "!"}, {"experiment": "9" * 30}])
def test_other_nonsense_is_said_too(query: dict[str, str], ada: User, signed_in: SignedIn) -> None:
    assert signed_in(ada).get("/runs/", query).status_code == 400


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
    both = signed_in(ada).get("/runs/curves/", {"run": [RUN, RUN], "name": ["v1", "v2"]})
    assert both.status_code == 200


def test_a_file_is_always_a_download(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    assert "MLmodel" in text_of(signed_in(ada).get(f"/runs/{RUN}/?folder=model"))
    answer = signed_in(ada).get(f"/runs/{RUN}/files/model/MLmodel")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.getvalue()


@pytest.mark.parametrize(
    "path", ["files/none", "files/../../../etc/passwd", "files/model", "?folder=../..", "files/%00"]
)
def test_no_other_file_can_be_reached(path: str, new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    assert signed_in(ada).get(f"/runs/{RUN}/{path}").status_code in {400, 404}


def test_experiments_count_their_runs(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    assert '<td data-label="Runs" class="c-num">1</td>' in text_of(signed_in(ada).get("/experiments/"))

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.models import TransitionRequest
from core.actors import Actor
from registry.models import ModelVersion
from registry.services.models import create_model
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.console.conftest import Asked, SignedIn, text_of
from tracking.limits import Point
from tracking.services.logging import log_metric


def test_the_list_names_models_and_their_production(
    new_version: NewVersion, by_ada: Actor, ada: User, signed_in: SignedIn
) -> None:
    change_stage(actor=by_ada, version=new_version(), target=Stage.PRODUCTION, archive_existing=False, reason="")
    page = text_of(signed_in(ada).get("/models/"))
    assert 'href="/models/fraud/versions/1/"' in page


def test_the_list_can_be_searched(by_ada: Actor, ada: User, signed_in: SignedIn) -> None:
    create_model(actor=by_ada, name="churn")
    assert "churn" in text_of(signed_in(ada).get("/models/?q=CHU"))
    assert "No model matches" in text_of(signed_in(ada).get("/models/?q=zzz"))


def test_an_empty_registry_says_what_to_do(ada: User, signed_in: SignedIn) -> None:
    assert "MLFLOW_TRACKING_URI=http://testserver" in text_of(signed_in(ada).get("/models/"))


def test_more_models_cost_no_more_queries(by_ada: Actor, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    create_model(actor=by_ada, name="m0")
    client.get("/models/")
    with CaptureQueriesContext(connection) as first:
        client.get("/models/")
    for number in range(1, 4):
        create_model(actor=by_ada, name=f"m{number}")
    with CaptureQueriesContext(connection) as more:
        client.get("/models/")
    assert len(more) == len(first)


def test_more_versions_cost_no_more_queries(
    asked: Asked, new_version: NewVersion, ada: User, signed_in: SignedIn
) -> None:
    client = signed_in(ada)
    asked(new_version(), checked=False)
    client.get("/models/fraud/")
    with CaptureQueriesContext(connection) as first:
        client.get("/models/fraud/")
    asked(new_version(), checked=False)
    new_version()
    with CaptureQueriesContext(connection) as more:
        client.get("/models/fraud/")
    assert len(more) == len(first)


def test_the_version_shows_its_facts(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    version = new_version()
    page = text_of(signed_in(ada).get("/models/fraud/versions/1/"))
    for fact in ("0.93", "orders_v2.1+users_v3.0", "b7d9e4", "ci/github-actions", version.artifact_digest):
        assert fact in page


def test_a_governed_move_opens_a_request(
    policies: object, new_version: NewVersion, ada: User, signed_in: SignedIn
) -> None:
    new_version()
    url = "/models/fraud/versions/1/transition/Production/"
    assert "Promote fraud v1 to Production" in text_of(signed_in(ada).get(url))
    answer = signed_in(ada).post(url, {"comment": "It is time.", "archive_existing": "on"})
    request = TransitionRequest.objects.get()
    assert answer.headers["Location"] == f"/admin/approvals/transitionrequest/{request.pk}/change/"
    assert (request.comment, request.archive_existing) == ("It is time.", True)


def test_an_ungoverned_move_happens_at_once(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    signed_in(ada).post("/models/fraud/versions/1/transition/Archived/", {"comment": "Old."})
    assert ModelVersion.objects.get().stage == Stage.ARCHIVED


def test_a_refused_move_is_shown_in_the_dialog(
    new_version: NewVersion, ada: User, cy: User, signed_in: SignedIn, settings: object
) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = "read"  # type: ignore[attr-defined]  # pytest-django's takes any name
    answer = signed_in(cy).post("/models/fraud/versions/1/transition/Archived/", {"comment": ""})
    assert answer.status_code == 400
    assert "may not" in text_of(answer)
    assert ModelVersion.objects.get().stage == Stage.NONE


def test_hidden_models_are_not_found(new_version: NewVersion, cy: User, signed_in: SignedIn, settings: object) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = ""  # type: ignore[attr-defined]  # pytest-django's takes any name
    for path in ("", "versions/1/", "versions/1/card/", "versions/1/transition/Production/"):
        assert signed_in(cy).get(f"/models/fraud/{path}").status_code == 404
    assert "/models/fraud/" not in text_of(signed_in(cy).get("/models/"))


def test_an_unknown_stage_is_refused(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    assert signed_in(ada).get("/models/fraud/versions/1/transition/Moon/").status_code == 400


def test_the_versions_are_listed_with_their_metrics(
    new_version: NewVersion, by_ada: Actor, ada: User, signed_in: SignedIn
) -> None:
    new_version(auc=0.93)
    assert "From version to version" not in text_of(signed_in(ada).get("/models/fraud/"))
    new_version(auc=0.95)
    for key in ("train_auc", "rows", "val_loss", "f1", "f1_small"):
        log_metric(actor=by_ada, run_id=f"{2:032x}", point=Point(key=key, value=0.5, timestamp_ms=1))
    page = text_of(signed_in(ada).get("/models/fraud/"))
    assert 'aria-label="val_auc: by version ends at 0.95"' in page
    assert '<td class="c-num" data-label="val_auc">0.93</td>' in page
    assert [key for key in ("val_auc", "f1", "val_loss", "rows", "train_auc", "f1_small") if f'data-label="{key}"' in page] == [
        "val_auc", "f1", "val_loss",
    ]  # fmt: skip

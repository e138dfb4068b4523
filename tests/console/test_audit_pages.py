import io
import json
import zipfile

from django.contrib.auth.models import Group

from accounts.models import User
from audit.models import Event
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of


def test_the_whole_log_is_for_auditors(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    assert "Choose a model" in text_of(signed_in(cy).get("/audit/"))
    cy.groups.add(Group.objects.get_or_create(name="auditors")[0])
    assert "registered " in text_of(signed_in(cy).get("/audit/"))


def test_the_log_of_a_model_can_be_narrowed(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    page = text_of(signed_in(cy).get("/audit/", {"model": "fraud", "action": "registry.version.created"}))
    assert page.count('<td data-label="When">') == 1
    assert "No event matches" in text_of(signed_in(cy).get("/audit/", {"model": "fraud", "who": "nobody"}))


def test_a_model_out_of_sight_has_no_log(
    new_version: NewVersion, cy: User, signed_in: SignedIn, settings: object
) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = ""  # type: ignore[attr-defined]
    assert signed_in(cy).get("/audit/", {"model": "fraud"}).status_code == 404
    assert signed_in(cy).post("/audit/export/fraud/").status_code == 404


def test_evidence_is_taken_home_and_that_is_an_event(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    answer = signed_in(cy).post("/audit/export/fraud/")
    package = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    manifest = json.loads(package.read("manifest.json"))
    assert manifest["events"] == Event.objects.filter(stream=manifest["stream"]).count()
    assert Event.objects.latest("id").action == "audit.exported"


def test_looking_does_not_export(new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    client, before = signed_in(cy), Event.objects.count()
    assert client.get("/audit/export/fraud/").status_code == 405
    assert Event.objects.count() == before


def test_a_cursor_nobody_gave_is_refused(cy: User, signed_in: SignedIn, new_version: NewVersion) -> None:
    new_version()
    assert signed_in(cy).get("/audit/", {"model": "fraud", "cursor": "zz"}).status_code == 400

import pytest
from django.test import Client

from accounts.models import User
from approvals.models import RequestState, Review, TransitionRequest
from approvals.requests.settle import apply_request
from audit.models import Event
from audit.queries import actor_name
from core.actors import Actor, system_actor
from registry.models import ModelVersion
from registry.queries import current_card
from registry.services.cards import edit_card
from tests.console.conftest import Answer, Asked, SignedIn, text_of


def dialog(request: TransitionRequest, name: str) -> str:
    return f"/requests/{request.pk}/{name}/?seen={request.subject_digest}"


def send(client: Client, request: TransitionRequest, name: str, comment: str, digest: str | None = None) -> Answer:
    data = {"comment": comment, "seen_digest": request.subject_digest if digest is None else digest}
    return client.post(dialog(request, name), data, headers={"HX-Request": "true"})


def test_approving_moves_the_version(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    request = asked()
    answer = send(signed_in(bea), request, "approve", "The numbers hold.")
    assert answer.headers["HX-Redirect"].endswith("/change/")
    apply_request(actor=system_actor("test"), request_id=request.pk)
    request.refresh_from_db()
    assert (request.state, ModelVersion.objects.get().stage) == (RequestState.APPLIED, "Production")


def test_rejecting_closes_the_request(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    request = asked()
    send(signed_in(bea), request, "reject", "Not on new accounts.")
    request.refresh_from_db()
    assert (request.state, request.version.stage) == (RequestState.REJECTED, "None")


def test_asking_for_changes_keeps_the_request_open(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    request = asked()
    send(signed_in(bea), request, "request-changes", "Name the data.")
    request.refresh_from_db()
    assert (request.state, Review.objects.get().decision) == (RequestState.OPEN, "request_changes")


def test_the_requester_changes_the_reason(asked: Asked, ada: User, signed_in: SignedIn) -> None:
    request = asked()
    send(signed_in(ada), request, "reason", "Better on new accounts.")
    request.refresh_from_db()
    assert request.comment == "Better on new accounts."


@pytest.mark.parametrize("name", ["approve", "request-changes", "reject", "withdraw"])
def test_opening_a_dialog_changes_nothing(name: str, asked: Asked, bea: User, signed_in: SignedIn) -> None:
    request = asked()
    answer = signed_in(bea).get(dialog(request, name))
    assert (request.subject_digest in text_of(answer)) == (name != "withdraw")
    assert f"request #{request.pk}" in text_of(answer)
    assert nothing_happened(request)


def test_a_decision_needs_a_comment(asked: Asked, bea: User, signed_in: SignedIn) -> None:
    request = asked()
    assert "Say why. The reason is kept with your name." in text_of(send(signed_in(bea), request, "approve", "  "))
    assert nothing_happened(request)


def test_a_decision_needs_the_csrf_token(asked: Asked, bea: User) -> None:
    request, client = asked(), Client(enforce_csrf_checks=True)
    client.force_login(bea)
    assert send(client, request, "approve", "Yes.").status_code == 403
    assert nothing_happened(request)


@pytest.mark.parametrize("name", ["ada", "cy", "ops"])
def test_a_refusal_is_shown_in_the_dialog_and_recorded(
    name: str, asked: Asked, cy: User, ops: User, signed_in: SignedIn
) -> None:
    request = asked()
    answer = send(signed_in(User.objects.get(username=name)), request, "approve", "Let me.")
    assert 'role="alert"' in text_of(answer)
    assert nothing_happened(request)
    event = Event.objects.latest("id")
    assert (event.outcome, actor_name(event), event.action) == ("denied", name, "approvals.review.given")


def test_a_decision_on_an_outdated_page_is_refused(asked: Asked, bea: User, by_ada: Actor, signed_in: SignedIn) -> None:
    request = asked()
    number = current_card(request.version).number
    edit_card(actor=by_ada, version=request.version, fields={"limitations": "New."}, expected_number=number)
    assert "has changed since you saw it" in text_of(send(signed_in(bea), request, "approve", "Yes."))
    assert nothing_happened(request)


def test_the_requester_withdraws(asked: Asked, ada: User, signed_in: SignedIn) -> None:
    request = asked()
    send(signed_in(ada), request, "withdraw", "")
    request.refresh_from_db()
    assert request.state == RequestState.WITHDRAWN


def test_nobody_else_withdraws(asked: Asked, cy: User, signed_in: SignedIn) -> None:
    request = asked()
    assert "may withdraw" in text_of(send(signed_in(cy), request, "withdraw", ""))
    assert nothing_happened(request)


def test_the_dialog_of_a_missing_request_is_not_found(bea: User, signed_in: SignedIn) -> None:
    assert signed_in(bea).get("/requests/77/approve/").status_code == 404


def nothing_happened(request: TransitionRequest) -> bool:
    request.refresh_from_db()
    return request.state == RequestState.OPEN and not Review.objects.exists()

"""Attacks that worked on MLflow servers, against a running installation: nobody gets anything by any of them."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.e2e.attacks import Sent, attacks
from tests.e2e.installation import PASSWORD, Installation

pytestmark = pytest.mark.e2e

SECRET = "canary-5f3c1d"
REFUSED = {400, 401, 403, 404, 405, 409, 413, 415, 422, 429}


class Listener:
    """Counts who connects."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.calls = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                self.socket.accept()[0].close()
            except OSError:
                return
            self.calls += 1


@dataclass
class Scene:
    """A victim's model, version and run; who attacks, by name; and what must stay as it is."""

    server: Installation
    listener: Listener
    canary: Path
    tokens: dict[str, str]
    run: str = ""
    folder: str = ""
    outside: set[str] = field(default_factory=set)

    def send(self, sent: Sent, path: str, token: str) -> tuple[int, bytes, dict[str, str]]:
        """Send a request exactly as it is written: no client tidies its path up."""
        body = self.filled(json.dumps(sent.body)).encode() if sent.body is not None else sent.raw
        headers = {"Content-Type": "application/json"} if sent.body is not None else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection._validate_path = lambda _url: None  # type: ignore[attr-defined]  # backslashes and NUL are the point
        target = self.filled(path).replace(" ", "%20")
        connection.putrequest(sent.method, target, skip_host="Host" in sent.headers)
        for name, value in {**headers, **sent.headers, "Content-Length": str(len(body or b""))}.items():
            connection.putheader(name, value)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
            connection.endheaders(body)
        answer = connection.getresponse()
        found = answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return found

    def filled(self, text: str) -> str:
        given = {"run": self.run, "other": self.folder, "canary": str(self.canary), "port": str(self.listener.port)}
        for name, value in given.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def surroundings(self) -> set[str]:
        """Return what lies beside the data directory, and in the places that traversals lead to."""
        beside = {str(path) for path in self.server.data.parent.rglob("*") if not path.is_relative_to(self.server.data)}
        return beside | {str(path) for path in Path("/etc").glob("passwd*")}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, migrated: Path | None) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("attacked")
    canary = folder / "canary"
    canary.write_text(SECRET)
    closed = {"CUSTODY_DEFAULT_LEVEL": "none", "CUSTODY_DEFAULT_POLICIES": "off"}
    with Installation(folder / "data", environment=closed, migrated=migrated) as server:
        tokens = {"anonymous": ""}
        for name in ("owner", "stranger", "viewer", "contributor"):
            tokens[name] = server.token(server.person(name))
        made = Scene(server, Listener(), canary, tokens)
        _furnish(made)
        made.outside = made.surroundings()
        yield made
        made.listener.socket.close()


def _furnish(scene: Scene) -> None:
    api = f"{scene.server.url}/api/2.0/"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {scene.tokens['owner']}"

    def call(method: str, path: str, **fields: object) -> dict[str, dict[str, object]]:
        answer = session.request(method, f"{api}mlflow/{path}", json=fields, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, dict[str, object]] = answer.json()
        return found

    scene.run = str(call("POST", "runs/create", experiment_id="0")["run"]["info"]["run_id"])  # type: ignore[index]  # JSON
    scene.folder = f"0/{scene.run}/artifacts"
    session.put(f"{api}mlflow-artifacts/artifacts/{scene.folder}/model/MLmodel", data=b"flavors: {}\n", timeout=30)
    call("POST", "registered-models/create", name="victim", description="whole")
    source = f"mlflow-artifacts:/{scene.folder}/model"
    call("POST", "model-versions/create", name="victim", source=source, run_id=scene.run)
    read, edit = "view_registeredmodel", "edit_model"
    grants = "; ".join(
        f"assign_perm('{level}', User.objects.get(username='{name}'), model)"
        for name, level in (("viewer", read), ("contributor", edit))
    )
    scene.server.manage(
        *("shell", "-c"),
        "from guardian.shortcuts import assign_perm; from accounts.models import User; "
        f"from registry.models import RegisteredModel; model = RegisteredModel.objects.get(name='victim'); {grants}",
    )


def places(sent: Sent) -> list[str]:
    """Return the addresses of an attack: both prefixes, and the version that is not spoken."""
    if sent.path.startswith("/"):
        return [sent.path]
    return [f"/{prefix}/{sent.path}" for prefix in ("api/2.0", "ajax-api/2.0", "ajax-api/3.0")]


@pytest.mark.parametrize("row", sorted({sent.row for sent in attacks()}))
def test_nobody_gets_anything(scene: Scene, row: int) -> None:
    wrong = []
    for sent in (sent for sent in attacks() if sent.row == row):
        for place in places(sent):
            for name in ("anonymous", "stranger", "viewer", "contributor"):
                status, body, headers = scene.send(sent, place, scene.tokens[name])
                if not harmless(status, body, headers) and not is_honest(sent, name, status, body):
                    wrong.append(
                        f"{name}: {sent.method} {place[:120]} {str(sent.body)[:150]} → {status} {body[:150]!r}"
                    )
    assert wrong == [], "\n".join(wrong)
    assert scene.listener.calls == 0
    assert scene.surroundings() == scene.outside
    assert scene.canary.read_text() == SECRET


def harmless(status: int, body: bytes, headers: dict[str, str]) -> bool:
    """Tell whether an answer refuses, and tells nothing on the way."""
    told = SECRET.encode() in body or b"root:" in body or "access-control-allow-origin" in headers
    unsupported = status == 501 and json.loads(body)["error_code"] == "NOT_IMPLEMENTED"
    to_login = status in {301, 302} and "/admin/login/" in headers.get("location", "")
    return not told and (status in REFUSED or unsupported or to_login)


def is_honest(sent: Sent, name: str, status: int, body: bytes) -> bool:
    """Tell whether an answer is what this caller may have: an empty list, or a search among what they see."""
    if status != 200 or name == "anonymous" or sent.method != "GET":
        return False
    return body == b"{}" or (sent.row == 25 and (b"victim" not in body or name != "stranger"))


def test_what_was_attacked_is_as_it_was(scene: Scene) -> None:
    """Runs after a refusal of everything above as before it: the order does not matter."""
    headers = {"Authorization": f"Bearer {scene.tokens['owner']}"}
    api = f"{scene.server.url}/api/2.0/mlflow/"
    model = requests.get(f"{api}registered-models/get", {"name": "victim"}, headers=headers, timeout=30).json()
    assert model["registered_model"]["description"] == "whole"
    assert [version["version"] for version in model["registered_model"]["latest_versions"]] == ["1"]
    found = requests.get(
        f"{scene.server.url}/get-artifact", {"run_id": scene.run, "path": "model/MLmodel"}, headers=headers, timeout=30
    )
    assert found.content == b"flavors: {}\n"


@pytest.mark.parametrize("password", ["", "password", "password1234", "admin"])
def test_there_is_no_password_that_everybody_knows(scene: Scene, password: str) -> None:
    answer = requests.get(
        f"{scene.server.url}/api/2.0/mlflow/registered-models/search", auth=("admin", password), timeout=30
    )
    assert answer.status_code == 401


def test_a_session_writes_nothing_over_the_wire_and_no_form_without_its_token(scene: Scene) -> None:
    """Another site's form has the cookie, and neither the API token nor the form's own."""
    session = requests.Session()
    login = f"{scene.server.url}/admin/login/"
    session.get(login, timeout=30)
    form = {"username": "contributor", "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    assert session.post(login, form, headers={"Referer": login}, timeout=30).ok
    evil = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}
    update = f"{scene.server.url}/api/2.0/mlflow/registered-models/update"
    body = {"name": "victim", "description": "defaced"}
    assert session.patch(update, json=body, headers=evil, timeout=30).status_code == 401
    for page in ("/account/tokens/", "/webhooks/new/", "/models/victim/access/grant/", "/admin/accounts/user/add/"):
        assert session.post(f"{scene.server.url}{page}", {"name": "x"}, headers=evil, timeout=30).status_code == 403


def test_what_others_uploaded_runs_nothing_in_a_browser(scene: Scene) -> None:
    sender, headers = ({"Authorization": f"Bearer {scene.tokens[name]}"} for name in ("owner", "contributor"))
    for name in ("page.html", "drawing.svg"):
        where = f"{scene.server.url}/api/2.0/mlflow-artifacts/artifacts/{scene.folder}/seen/{name}"
        assert requests.put(where, b"<script>alert(1)</script>", headers=headers, timeout=30).status_code == 403
        assert requests.put(where, b"<script>alert(1)</script>", headers=sender, timeout=30).status_code == 200
        answer = requests.get(where, headers=headers, timeout=30)
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")

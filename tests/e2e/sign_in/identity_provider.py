"""An OpenID Connect provider that other people wrote, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import requests

from tests.e2e.installation import free_port

_REDIRECT = "http://127.0.0.1/callback"
_PATIENCE = 60


class Provider:
    """The provider: one person or job with these claims signs in there. It takes every client."""

    def __init__(self, claims: Mapping[str, object]) -> None:
        self.claims = claims
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it answers."""
        command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(self.port)]
        claims = ["--user-claims", json.dumps(self.claims)]
        self._process = subprocess.Popen([*command, *claims], stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                requests.get(f"{self.url}/.well-known/openid-configuration", timeout=5)
            except requests.ConnectionError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the provider did not start")

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def identity_token(self, audience: str) -> str:
        """Return an identity token for an audience, by the authorization code flow."""
        asked = {"client_id": audience, "redirect_uri": _REDIRECT, "response_type": "code", "scope": "openid"}
        sent = requests.post(
            f"{self.url}/oauth2/authorize",
            params=asked,
            data={"sub": str(self.claims["sub"])},
            allow_redirects=False,
            timeout=_PATIENCE,
        )
        (code,) = parse_qs(urlsplit(sent.headers["Location"]).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": _REDIRECT}
        client = {"client_id": audience, "client_secret": "any"}
        answer = requests.post(f"{self.url}/oauth2/token", {**form, **client}, timeout=_PATIENCE)
        return str(answer.json()["id_token"])

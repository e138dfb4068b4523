"""An OpenID Connect provider on a loopback port that can also answer wrongly, in each way that a client must notice."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

Claims = dict[str, Any]
# Times for claims, in seconds since 1970: of 2023 and of 2096.
PAST, FUTURE = 1_700_000_000, 4_000_000_000


@dataclass
class SigningKey:
    """A private key with its id."""

    key_id: str
    private: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    def public(self) -> Claims:
        """Return the public key as a JWK."""
        jwk: Claims = json.loads(RSAAlgorithm.to_jwk(self.private.public_key()))
        return {**jwk, "kid": self.key_id, "use": "sig", "alg": "RS256"}


@dataclass
class IdentityServer:
    """The provider: who signs in there, and what is wrong with its answers."""

    port: int = 0
    claims: Claims = field(default_factory=dict)
    key: SigningKey = field(default_factory=lambda: SigningKey("key-1"))
    # Changes the claims of the ID token, those of the user info, the discovery document, the redirect, and the header.
    change_token: Callable[[Claims], Claims] = lambda claims: claims
    change_info: Callable[[Claims], Claims] = lambda claims: claims
    change_discovery: Callable[[Claims], Claims] = lambda document: document
    change_redirect: Callable[[Claims], Claims] = lambda params: params
    sign: Callable[[Claims, SigningKey], str] | None = None
    auth_time: Callable[[], int] = lambda: int(time.time())
    requests: list[str] = field(default_factory=list)
    attempts: dict[str, Claims] = field(default_factory=dict)
    server: ThreadingHTTPServer | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen on the port, or on a free one."""
        handler = type("Handler", (_Handler,), {"identity": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening: connections are refused."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def authorize(self, url: str) -> str:
        """Sign the person in as a browser would on the page at ``url``, and return the address it is sent back to."""
        params = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self.attempts)}"
        self.attempts[code] = {**params, "auth_time": self.auth_time()}
        answer = self.change_redirect({"code": code, "state": params["state"], "iss": self.issuer})
        return f"{params['redirect_uri']}?{urlencode(answer)}"

    def discovery(self) -> Claims:
        endpoints = {
            "authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks",
            "userinfo_endpoint": "/userinfo",
        }  # fmt: skip
        document: Claims = {name: self.issuer + path for name, path in endpoints.items()}
        extra = {"issuer": self.issuer, "authorization_response_iss_parameter_supported": True}
        return self.change_discovery({**document, **extra})

    def tokens(self, form: Claims) -> Claims | None:
        """Return the tokens for a code, None for an unknown code or a wrong PKCE verifier. A code works once."""
        attempt = self.attempts.pop(form.get("code", ""), None)
        if attempt is None:
            return None
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            attempt.get("code_challenge_method") != "S256"
            or challenge.decode().rstrip("=") != attempt["code_challenge"]
        ):
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": attempt["client_id"], "iat": now, "exp": now + 60,
            "nonce": attempt["nonce"], "auth_time": attempt["auth_time"], **self.claims,
        }  # fmt: skip
        token = self.change_token(claims)
        return {"access_token": "access", "token_type": "Bearer", "id_token": (self.sign or signed)(token, self.key)}


def signed(claims: Claims, key: SigningKey) -> str:
    """Return an ID token as it has to be."""
    return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.key_id})


class _Handler(BaseHTTPRequestHandler):
    identity: IdentityServer

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.identity.requests.append(path)
        if path == "/.well-known/openid-configuration":
            self._answer(200, self.identity.discovery())
        elif path == "/jwks":
            self._answer(200, {"keys": [self.identity.key.public()]})
        elif path == "/userinfo" and self.headers["Authorization"] == "Bearer access":
            self._answer(200, self.identity.change_info(dict(self.identity.claims)))
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        self.identity.requests.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        tokens = self.identity.tokens({name: values[0] for name, values in parse_qs(body).items()})
        self._answer(200, tokens) if tokens else self._answer(400, {"error": "invalid_grant"})

    def _answer(self, status: int, document: Claims) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

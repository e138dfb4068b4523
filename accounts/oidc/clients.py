"""Custody as a client of identity providers: allauth's classes for the code flow, with our discovery and limits.

allauth builds the address of the provider's page, keeps state and PKCE verifier in the session, and exchanges the code.
Its views, its sign-up and its linking of accounts by e-mail are not used.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest

from accounts.oidc.configuration import IdentityProvider
from accounts.oidc.discovery import TIMEOUT, Discovery, discovery_of


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's settings in code: nobody signs up by its forms, and requests end in time and follow no redirect."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:  # noqa: ARG002 - allauth's signature
        """Return False: accounts are made by accounts/oidc/sign_in.py alone."""
        return False

    def get_requests_session(self) -> requests.Session:
        """Return an HTTP session for the exchange of a code."""
        session = requests.Session()
        session.request = partial(session.request, timeout=TIMEOUT, allow_redirects=False)  # type: ignore[method-assign]  # limits for every request
        return session


class CodeFlow(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """The code flow with one provider, whose answer comes to ``callback_url``."""

    def __init__(self, request: HttpRequest, client: ProviderClient) -> None:
        super().__init__(request, client.provider.id)
        self.client = client

    def get_provider(self) -> ProviderClient:
        """Return the provider as allauth wants it."""
        return self.client

    @property
    def discovery(self) -> Discovery:
        """Return the provider's configuration. Raises Unavailable."""
        return discovery_of(self.client.provider)

    @property
    def authorize_url(self) -> str:
        """Return the address of the page on which people sign in."""
        return self.discovery.authorization_endpoint

    @property
    def access_token_url(self) -> str:
        """Return the address that exchanges a code for tokens."""
        return self.discovery.token_endpoint

    @property
    def basic_auth(self) -> bool:
        """Return whether the client's secret is sent in a header: the body is used where the provider takes it."""
        return bool(self.client.provider.client_secret) and (
            "client_secret_post" not in self.discovery.token_auth_methods
        )

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:  # noqa: ARG002 - allauth's signature
        """Return the address to which the provider sends the person back."""
        return self.client.callback_url


class ProviderClient(OpenIDConnectProvider):  # type: ignore[misc]  # allauth has no types
    """A configured provider as allauth wants it, with PKCE (S256) always."""

    def __init__(self, request: HttpRequest, provider: IdentityProvider, callback_url: str) -> None:
        app = SocialApp(
            provider=self.id,
            provider_id=provider.id,
            name=provider.name,
            client_id=provider.client_id,
            secret=provider.client_secret,
            settings={"oauth_pkce_enabled": True, "scope": list(provider.scopes)},
        )
        super().__init__(request, app=app)
        self.provider = provider
        self.callback_url = callback_url

    def get_oauth2_adapter(self, request: HttpRequest) -> CodeFlow:
        """Return the code flow with this provider."""
        return CodeFlow(request, self)

    def begin(self, request: HttpRequest, *, data: dict[str, Any], auth_params: dict[str, str]) -> str:
        """Return the address of the provider's page for one attempt, whose ``data`` is kept in the session.

        Raises Unavailable.
        """
        response = self.redirect(request, process="login", data=data, auth_params=auth_params)
        return str(response.url)

    def exchange(self, request: HttpRequest, code_verifier: str) -> dict[str, Any]:
        """Return the tokens for the code that the provider sent.

        Raises what allauth and requests raise where the provider refuses the code or does not answer.
        """
        flow = self.get_oauth2_adapter(request)
        tokens = flow.get_access_token_data(
            request, self.app, flow.get_client(request, self.app), pkce_code_verifier=code_verifier
        )
        return tokens if isinstance(tokens, dict) else {}

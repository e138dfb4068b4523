"""Models of accounts: people, service accounts, their credentials, and what they trust."""

from accounts.models.credentials import (
    ApiToken,
    ApprovalSession,
    AttemptCount,
    IdentityProof,
    Invitation,
    Passkey,
    SignInLink,
)
from accounts.models.people import (
    AccountChange,
    AccountConfirmation,
    FormerOwner,
    User,
    UsernameKey,
)
from accounts.models.second_factor import AuthenticatorApp, RecoveryCode
from accounts.models.sessions import BrowserSession
from accounts.models.workload import TokenExchange, TrustedPublisher

__all__ = [
    "AccountChange",
    "AccountConfirmation",
    "ApiToken",
    "ApprovalSession",
    "AttemptCount",
    "AuthenticatorApp",
    "BrowserSession",
    "FormerOwner",
    "IdentityProof",
    "Invitation",
    "Passkey",
    "RecoveryCode",
    "SignInLink",
    "TokenExchange",
    "TrustedPublisher",
    "User",
    "UsernameKey",
]

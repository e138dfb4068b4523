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
from accounts.models.memberships import MEMBERSHIPS_IN_FORCE, GroupOwner, Membership
from accounts.models.people import (
    AccountChange,
    AccountConfirmation,
    FormerOwner,
    User,
    UsernameKey,
)
from accounts.models.provisioning import LONGEST_DISPLAY_NAME, LONGEST_EXTERNAL_ID, ProvisionedAccount, ProvisionedGroup
from accounts.models.second_factor import AuthenticatorApp, RecoveryCode
from accounts.models.sessions import BrowserSession
from accounts.models.workload import TokenExchange, TrustedPublisher

__all__ = [
    "LONGEST_DISPLAY_NAME",
    "LONGEST_EXTERNAL_ID",
    "MEMBERSHIPS_IN_FORCE",
    "AccountChange",
    "AccountConfirmation",
    "ApiToken",
    "ApprovalSession",
    "AttemptCount",
    "AuthenticatorApp",
    "BrowserSession",
    "FormerOwner",
    "GroupOwner",
    "IdentityProof",
    "Invitation",
    "Membership",
    "Passkey",
    "ProvisionedAccount",
    "ProvisionedGroup",
    "RecoveryCode",
    "SignInLink",
    "TokenExchange",
    "TrustedPublisher",
    "User",
    "UsernameKey",
]

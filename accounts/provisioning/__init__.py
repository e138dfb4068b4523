"""Accounts and members of groups as an identity provider sets them, over SCIM (accounts/scim)."""

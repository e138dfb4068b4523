"""Refusals, as audit/refusals.py has them, under the name that approvals uses."""

from audit.refusals import Refusal, denied, deny_if

__all__ = ["Refusal", "denied", "deny_if"]

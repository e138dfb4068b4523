"""Refusals of audit/refusals.py, imported by every permission in approvals."""

from audit.refusals import Refusal, denied, deny_if

__all__ = ["Refusal", "denied", "deny_if"]

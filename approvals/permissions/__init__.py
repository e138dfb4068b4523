"""Permissions in approvals. Each function returns a `Refusal`, or None where the actor may."""

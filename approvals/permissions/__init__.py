"""Permissions in approvals. A function `refusal_to_…` returns a `Refusal`, or None if the actor may."""

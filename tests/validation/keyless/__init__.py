"""Keyless signatures: `model.signed` with identities."""

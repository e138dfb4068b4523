"""Signatures of passkeys on reviews, overrides and requests for break-glass (decision 0179)."""

"""Exports of the audit log: what is chosen, what it proves, and the signed package."""

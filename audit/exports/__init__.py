"""Exports of the audit log: the selection of events, the claims about its completeness, and the signed package."""

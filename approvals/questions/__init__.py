"""Saved questions of auditors, answered from audit events and frozen rows, never from the present state."""

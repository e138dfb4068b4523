"""The figures of the audit log."""

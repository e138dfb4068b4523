"""The stream of audit events to a SIEM: in the order of the log, at least once."""

"""Performance, measured against a running peer and against the limit of the machine."""

"""Scans of archives and compressed streams. Their content is scanned like any other file."""

"""Scans of text files. A file that controls how a model is loaded is scanned key by key."""

"""Scans of formats of models and data, each by its own structure."""

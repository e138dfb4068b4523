"""Formats of models and of data, each judged by its own structure."""

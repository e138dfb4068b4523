"""Permissions on experiments, and on the runs, logged models and files in them."""

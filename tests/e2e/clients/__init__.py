"""Scripts as people write them for MLflow: run by its own Python, against an installation.

Nothing in them knows Custody.
"""

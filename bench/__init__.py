"""Measurements of speed: Custody beside a running MLflow server, or against a limit."""

"""Metrics for monitoring: counters of the processes, and the state of the installation, at /metrics."""

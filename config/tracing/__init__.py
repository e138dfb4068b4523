"""Traces of requests, tasks and statements for an OpenTelemetry collector."""

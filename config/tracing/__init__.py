"""Traces of requests, tasks and statements for an OpenTelemetry collector. Nothing here is imported while it is off."""

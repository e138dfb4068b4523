"""Measurements of clients that wait for a change in Production."""

"""Witnesses of the log: other systems that keep the newest checkpoint, out of reach of the server's operators."""

"""Encryption of what the database keeps."""

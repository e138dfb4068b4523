"""Backup and restore of an installation, and its move from SQLite to PostgreSQL."""

"""`manage.py up`: every process of one installation, started together, watched, and stopped together."""

"""Django's PostgreSQL back end, with a cheaper check of pooled connections."""

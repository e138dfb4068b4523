"""The status of the installation for its operators: a page, and the same as JSON at /api/v1/status."""

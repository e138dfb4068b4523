"""Workload identity: jobs of CI and clusters exchange their identity token for a token of a service account."""

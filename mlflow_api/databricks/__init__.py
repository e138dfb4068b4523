"""The Databricks workspace registry API: transition requests, comments, permissions and registry webhooks."""

"""Limits of requests: how many a token, a browser's session or an account may make in a minute."""

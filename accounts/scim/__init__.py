"""SCIM 2.0 (RFC 7643, RFC 7644) at /scim/v2: the protocol is scim2-server's, the changes are accounts/provisioning's.

Only `door`, `urls` and `errors` are imported where the optional package is not installed.
"""

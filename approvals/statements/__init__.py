"""Signed statements of the approvals of a version, which a deployer verifies without trusting a page."""

"""Settings of sign-in."""

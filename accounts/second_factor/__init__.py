"""The second factor of a sign-in with a local password: codes of an authenticator app, and recovery codes."""

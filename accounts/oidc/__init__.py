"""Sign-in by OpenID Connect: providers, the code flow, the verification of tokens, and the accounts of identities."""

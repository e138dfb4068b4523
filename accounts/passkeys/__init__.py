"""Passkeys of people (WebAuthn): adding, removing, and verifying what a person signed with one."""

"""Leavers: handing over what a person owns, and deactivating their account."""

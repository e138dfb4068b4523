"""Groups: their owners, and memberships that may expire."""

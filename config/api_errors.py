"""Domain errors as problem+json."""

"""Cards in the formats of others. Pure functions of a `CardSource`: nothing is read while they write."""

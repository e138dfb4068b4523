"""What travels with every export: the offline verifier and its README."""

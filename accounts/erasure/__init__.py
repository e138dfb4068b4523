"""Erasing a person who has left: the name, the address and what else tells who they were."""

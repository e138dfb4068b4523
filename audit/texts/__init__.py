"""Texts of people in events: the events hold commitments, and the texts are rows that an erasure blanks."""

"""Exports of cards in other formats: pure functions of a `CardSource`."""

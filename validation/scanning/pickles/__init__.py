"""Scan of pickles without running them: which classes and functions loading a pickle would import and call."""

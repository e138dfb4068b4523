"""Scans of model files for code that loading them would run. Nothing in a file is executed."""

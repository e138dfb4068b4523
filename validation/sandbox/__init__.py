"""Runs a model's own code in a sandbox: without network or files of this machine, with limits of memory and time."""

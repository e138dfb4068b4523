"""Sandbox that runs the code of a model without network or files of this machine, with limits of memory and time."""

"""The inventory of models: the list, and the dialogs that describe, attest and retire one."""

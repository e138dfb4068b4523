"""The people behind the events: names and salts are stored apart from the log, so that they can be erased."""

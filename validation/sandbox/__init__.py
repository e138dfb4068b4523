"""Running a model's own code, contained: no network, none of this machine's files, little memory, little time."""

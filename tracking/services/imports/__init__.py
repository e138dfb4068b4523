"""Import of experiments, runs and logged models from another tracking server, with their ids, times and states.

Only the import uses these services. They accept what the normal services refuse: an id, times of the past, and runs
that are deleted or finished. Limits and allowed characters are the same. Each call records an event that names the
server the rows come from; lineage edges get the mode "imported".
"""

"""The files of the verifier in every export: the offline verifier and its README."""

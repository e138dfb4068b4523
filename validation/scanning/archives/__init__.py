"""Archives and compressed streams: what is inside is judged like any other file."""

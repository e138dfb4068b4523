"""Pages, lists, searches and scheduled tasks of an installation that has grown for years."""

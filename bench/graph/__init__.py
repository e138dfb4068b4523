"""The area `lineage`: closures of large graphs, their pages, and OpenLineage events."""

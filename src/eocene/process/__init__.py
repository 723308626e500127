"""openEO process graphs: graph to plan to arrays."""

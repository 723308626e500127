"""Public tools for tests: simulated archives."""

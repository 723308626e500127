"""The processes, one file a family."""

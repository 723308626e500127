"""Collections of other STAC APIs, mirrored or read in place."""

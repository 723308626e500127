"""Results on disk: COG, Zarr, tables and pictures, with STAC that tells where they come from."""

"""Pixels: read, decode, warp and mosaic a window of a cube."""

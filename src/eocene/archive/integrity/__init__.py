"""Checksums, repair and versions of what the archive keeps."""

"""Small products in the formats of agencies, with pixels, made on the spot for tests and examples."""

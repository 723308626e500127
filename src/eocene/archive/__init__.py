"""Products in: readers, catalogue, the one door to the outside."""

"""Networks as torch modules. Each file imports torch, so it is imported only by what trains a network."""

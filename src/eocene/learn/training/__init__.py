"""Training of networks: one loop, checkpoints, several processes, search and ablation."""

"""Models: train, evaluate, register, predict."""

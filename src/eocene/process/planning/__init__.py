"""From a graph to a plan: every argument known, every schema inferred, nothing read."""

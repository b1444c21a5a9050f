"""Training: loop, optimizer, checkpoints, metrics."""

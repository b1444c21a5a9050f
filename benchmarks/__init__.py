"""Benchmarks of speed and memory, and simulations of the verdicts."""

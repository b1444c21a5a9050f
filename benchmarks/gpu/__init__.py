"""Everything of this project that a GPU computes, measured once: ``python -m benchmarks.gpu``."""

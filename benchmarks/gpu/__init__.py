"""All code of this project that runs on a GPU, measured once: ``python -m benchmarks.gpu``."""

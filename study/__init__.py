"""Studies: trials scheduled by Ray Tune, recorded on disk, tracked in MLflow."""

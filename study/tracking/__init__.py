"""Progress on the screen and experiment tracking."""

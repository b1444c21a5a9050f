"""The HTML page and the notebooks."""

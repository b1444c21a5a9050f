"""Analysis of prediction errors."""

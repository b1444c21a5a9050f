"""Figures of studies and searches."""

"""Prediction with trained weights, from Python and from the command line."""

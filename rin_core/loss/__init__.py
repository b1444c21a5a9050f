"""The pairwise relation loss: reference, CPU kernel and GPU kernel."""

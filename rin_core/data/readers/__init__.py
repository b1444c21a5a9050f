"""Readers of the formats that corpora come in, one module a format."""

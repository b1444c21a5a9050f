"""Corpora: reading, encoding, vocabulary, word vectors, batches."""

"""The record of runs, studies and searches on disk: its only reader and writer."""

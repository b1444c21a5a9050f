"""Which runs a space asks for, and which of them remain."""

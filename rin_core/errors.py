"""Exceptions that more than one module raises; others are beside what raises them."""


class RinError(RuntimeError):
    """An expected failure: a command prints its message as one line and exits with code 1."""


class CheckpointError(RinError):
    """A checkpoint cannot be read. The message says what to do about it."""


class Diverged(RinError):
    """The loss is not a finite number."""


class OutOfMemory(RinError):
    """There is not enough memory for a model and a batch."""


class ConfigError(ValueError):
    """An invalid setting. The message names the field, its value and the valid ones."""

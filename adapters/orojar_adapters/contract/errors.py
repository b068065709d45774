"""The error for checkpoints that cannot or must not be read."""


class CheckpointError(ValueError):
    """Raised for a file, folder or repository that cannot be read as a generator, or must not be.

    The text says what was found, what was expected and what to type instead; nothing inside the file was run.
    """

"""The one error for every generator that cannot or must not be read."""


class CheckpointError(ValueError):
    """A file, folder or repository that cannot be read as a generator, or must not be.

    The text says what was found, what was expected and what to type instead; nothing inside the file was run.
    """

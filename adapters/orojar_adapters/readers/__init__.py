"""Readers of checkpoint formats, one a file. They parse; nothing inside a checkpoint is imported or called."""

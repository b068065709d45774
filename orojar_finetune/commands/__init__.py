"""Runs the verbs, one file each: passes options to the library and prints the results."""

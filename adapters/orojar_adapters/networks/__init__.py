"""The generator families, one file each, the discriminators, and the table of families."""

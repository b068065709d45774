"""The generator families, one file each, the discriminator, and the table of families."""

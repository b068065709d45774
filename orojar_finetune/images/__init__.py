"""Real images and pictures for people: folders, zips, data sets of the Hub, decoding, labels, grids and strips."""

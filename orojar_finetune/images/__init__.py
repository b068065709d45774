"""Real images (folders, zip files, datasets on the Hub, scenes, samples of the generator), and pictures for people."""

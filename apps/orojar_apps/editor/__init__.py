"""The browser editor: one slider a direction, in sigmas."""

"""From what a person types to networks: find, pin, fetch, verify, read, build."""

"""A model on disk: a folder with an MLmodel file, its flavors, its signature, and whether it may run code."""

"""How fast nbtrack is, each figure next to its floor measured in the same run."""

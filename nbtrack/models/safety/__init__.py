"""What keeps a stranger's model from doing harm: trust, and readers that follow, unpack and run nothing."""

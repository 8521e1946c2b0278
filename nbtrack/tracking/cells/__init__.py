"""What cells did: what each reads and writes, the slice that a result came from."""

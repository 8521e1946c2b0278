"""What autolog records of Lightning."""

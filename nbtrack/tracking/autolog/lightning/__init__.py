"""Lightning: what a Trainer does, of `lightning` and of `pytorch_lightning`."""

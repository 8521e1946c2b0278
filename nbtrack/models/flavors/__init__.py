"""The flavors: one module for each way to save and load a model."""

"""Code that goes along with a model: pickled, copied beside it, imported again for that model alone."""

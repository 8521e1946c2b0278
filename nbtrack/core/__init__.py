"""The nouns: entities, errors, names, settings and how they look; needs nothing of ours."""

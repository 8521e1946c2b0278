"""Code of models, copied into the folders of those that name it in `code_paths`."""

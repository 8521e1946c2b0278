"""What a kernel adds to a notebook: magics and cells."""

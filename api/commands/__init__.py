"""What `headrace` can do, one command a file."""

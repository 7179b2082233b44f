"""Online versions: each learns one symbol's labels one by one, and is exported whole as plain numbers."""

"""`headrace up`: the whole system as one foreground process and its children."""

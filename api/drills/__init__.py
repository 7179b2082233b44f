"""What is lost and how long it takes when a part dies, measured on a fresh copy: `headrace drill`."""

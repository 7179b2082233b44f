"""Who may ask, how often, and what surrounds every answer."""

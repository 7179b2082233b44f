"""Where market data comes from: one file a venue or medium, and what carries its events to the topics."""

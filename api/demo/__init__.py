"""The worked examples of orders and money, played through the engine and compared with what is published."""

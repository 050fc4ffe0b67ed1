"""The best retry policies of a fleet."""

"""The smallest capacity that reaches a goal."""

"""What binds several sections of a scenario together, by subject."""

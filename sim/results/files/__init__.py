"""A run's files: what is written, how it is read again, and the tables that both are about."""

"""Which field matters: Sobol indices."""

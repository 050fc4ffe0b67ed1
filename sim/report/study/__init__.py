"""Report pages of studies: sweeps, plans, policy searches, sensitivity."""

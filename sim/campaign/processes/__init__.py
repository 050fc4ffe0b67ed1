"""What acts during a campaign, each a SimPy process: the rollout's waves, operators, API clients."""

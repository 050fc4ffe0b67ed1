"""Other values for a scenario, put into what it was made of at places that paths name."""

"""Speed of both planes, as ratios and costs a device."""

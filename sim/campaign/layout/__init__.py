"""From a scenario to what a device plane takes: arrays of a fleet, outages, retry policies."""

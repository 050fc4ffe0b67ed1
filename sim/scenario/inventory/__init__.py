"""The inventory: a file that lists the devices of a fleet, instead of counts."""

"""The sections of a scenario file, a module each: what may stand there and what it means."""

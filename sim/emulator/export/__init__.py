"""From a session at the emulator to a scenario file that plays the same calls."""

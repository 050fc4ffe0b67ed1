"""The session's state on disk: accepted commands, written before anybody is answered."""

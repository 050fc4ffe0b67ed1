"""Whether two runs differ, where first, and by how much more than chance."""

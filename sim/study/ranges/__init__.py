"""What `--vary` means: a field and its values."""

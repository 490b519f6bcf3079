"""Published adapters and their files."""

"""Published pairs of reference and response."""

"""What the bundled model and its judge can do, measured on portraits and captions that no training saw."""

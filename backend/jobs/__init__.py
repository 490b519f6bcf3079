"""Jobs: creation, reading, cancelling, and the guarded state transitions."""

"""Caption sets: upload, correction of the parsed phrases, frozen versions."""

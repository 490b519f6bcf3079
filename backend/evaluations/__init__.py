"""Published figures of adapters."""

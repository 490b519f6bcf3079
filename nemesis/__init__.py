"""Faults injected into a real studio, counted: `python -m nemesis`."""

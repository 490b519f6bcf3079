"""Pico portraits: a small world of cartoon portraits in which the truth about every attribute is known."""

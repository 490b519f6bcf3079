"""Base models a user may choose from."""

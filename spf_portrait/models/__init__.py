"""Base models: loading them from folder, file or hub, and calls into them that are the same for every family.

It must not know that anything is ever trained or drawn.
"""

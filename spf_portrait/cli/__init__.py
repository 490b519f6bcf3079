"""The command `spf-portrait`: options in, one engine call, an exit code out. Each command is a file.

It knows every room below, and nothing below may know it.
"""

"""What any long work needs: progress, errors in words, memory, versions, and a look at the machine.

It must not know what the work is about.
"""

"""Says what is wrong with an installation, each fault in one line with its remedy.

The checks read and change nothing but missing queues. What a package of handlers can check on its
own machine it offers by an entry point of the group ``secretary.checks``.
"""

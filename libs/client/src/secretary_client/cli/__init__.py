"""The command ``secretary``: its app, and what all its commands share.

A command gets a ``Session`` and the options that ``registration`` adds to every command. The
commands themselves are in ``cli.commands``. This package needs ``typer`` and ``rich``, which the
extra ``cli`` installs. No other package of the client imports them.
"""

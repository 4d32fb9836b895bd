"""What all commands of ``secretary`` share: their registration, session, output and parameters.

The commands themselves are in ``secretary_client.commands``. Both packages and
``secretary_client.app`` need ``typer`` and ``rich``, which the extra ``cli`` installs. No other
module of the client imports them.
"""

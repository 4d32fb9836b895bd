"""The commands of ``secretary``: each module adds some of them to the app.

To add a command, write a module with a function ``register(app)`` and list it here. A module
imports optional packages only when its command runs.
"""

from secretary_client.commands import (
    endpoints,
    extract,
    files,
    follow,
    jobs,
    submit,
    system,
    webhooks,
)

REGISTRATIONS = (
    submit.register,
    follow.register,
    jobs.register,
    files.register,
    webhooks.register,
    endpoints.register,
    system.register,
    extract.register,
)
"""In the order of the help."""

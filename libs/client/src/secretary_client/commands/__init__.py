"""The commands of ``secretary``: each module adds some of them to the app.

To add a command, write a module with a function ``register(app)`` and list it here. A module
imports optional packages only when its command runs.
"""

from secretary_client.commands import (
    batch,
    doctor,
    endpoints,
    extract,
    files,
    follow,
    jobs,
    keys,
    listen,
    login,
    mcp,
    submit,
    system,
    webhooks,
)

REGISTRATIONS = (
    submit.register,
    batch.register,
    follow.register,
    jobs.register,
    files.register,
    webhooks.register,
    endpoints.register,
    system.register,
    doctor.register,
    keys.register,
    login.register,
    listen.register,
    extract.register,
    mcp.register,
)
"""In the order of the help."""

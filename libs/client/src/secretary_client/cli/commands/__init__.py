"""The commands of ``secretary``, in a folder for each panel of the help.

To add a command, write a module with a function ``register(app)`` and list it here. A module
imports optional packages only when its command runs.
"""

from secretary_client.cli.commands.jobs import actions, batch, files, follow, listing, submit
from secretary_client.cli.commands.system import doctor, job_types, keys, load, mcp
from secretary_client.cli.commands.this_machine import extract, listen, login
from secretary_client.cli.commands.webhooks import deliveries, endpoints

REGISTRATIONS = (
    submit.register,
    batch.register,
    follow.register,
    listing.register,
    actions.register,
    files.register,
    deliveries.register,
    endpoints.register,
    job_types.register,
    load.register,
    doctor.register,
    keys.register,
    login.register,
    listen.register,
    extract.register,
    mcp.register,
)
"""In the order of the help."""

"""The dashboard: the page at ``/``, its files, and the sign-in with an API key.

The page is made of plain ES modules and needs no build step. ``static/vendor`` holds released files
of other projects; ``vendor.json`` there names their origin, licence and hash. Everything that the
page shows comes from the same HTTP API that other clients use, so rules about jobs, webhooks and
keys do not belong here. ``docs/dashboard.md`` says how to add a page.
"""

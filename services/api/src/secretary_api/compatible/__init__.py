"""Routes that other programs already speak: docling-serve's, and Open WebUI's document loader.

Each route makes ``document`` jobs and waits for them, so these jobs have the same limits, owners
and records as all others. ``compatible.active`` switches the routes off. What a job is and how it
is submitted does not belong here. ``docs/compatible.md`` lists which options have an effect.
"""

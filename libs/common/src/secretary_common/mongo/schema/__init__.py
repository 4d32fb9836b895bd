"""The version of the stored documents: numbered steps, their run, the check by the services.

Only ``secretary-init`` migrates (``migration.py``). A service reads the version at its start and
every minute (``version.py``). It works with an older and with a newer database, unless a step says
that versions before it cannot serve its documents. What each step changes is in ``steps.py``. Most
changes need no step: new fields are read tolerantly (``mongo/stored``), and indexes have a package
of their own.
"""

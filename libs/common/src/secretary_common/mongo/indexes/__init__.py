"""The indexes of the database: definitions, building by ``secretary-init``, checks by services.

Only ``secretary-init`` builds. A service checks, and works without an index that is missing: a
query names an index as a hint, and ``Collection`` repeats a refused query without the hint. Queries
stay with the repositories that make them.
"""

from secretary_common.mongo.indexes.build import ensure
from secretary_common.mongo.indexes.check import watch

__all__ = ["ensure", "watch"]

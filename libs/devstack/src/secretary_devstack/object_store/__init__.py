"""An S3 store in memory that holds the conditions of the published API, also for uploads in parts.

moto ignores ``If-Match`` and ``If-None-Match`` when an upload in parts is completed. This store
has only the operations that Secretary uses, and verifies no signature.
"""

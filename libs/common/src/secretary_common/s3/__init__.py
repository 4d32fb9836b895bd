"""Reads and writes the objects of S3-compatible stores that the operator has named in the config.

The package signs requests itself and sends them through the guarded HTTP client. So the address
guard, the trusted authorities and the egress proxy apply to a store as to any other server. It
knows connections, buckets and objects, and neither jobs nor API keys.
"""

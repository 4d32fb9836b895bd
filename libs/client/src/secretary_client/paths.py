"""The paths of the API that several calls begin with."""

JOBS = "/api/jobs"
BATCHES = "/api/jobs/batch"
FILES = "/api/files"
DELIVERIES = "/api/deliveries"
ENDPOINTS = "/api/endpoints"
KEYS = "/api/keys"
TYPES = "/api/job-types"

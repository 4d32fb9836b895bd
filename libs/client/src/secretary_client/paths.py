"""Paths of the API."""

JOBS = "/api/jobs"
BATCHES = "/api/jobs/batch"
FILES = "/api/files"
DELIVERIES = "/api/deliveries"
ENDPOINTS = "/api/endpoints"
KEYS = "/api/keys"
TYPES = "/api/job-types"

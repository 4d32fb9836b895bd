"""The notifier's process: it delivers the webhooks of jobs to their receivers.

Here belongs all that a delivery needs after its event is in the outbox slot of a job: the relay,
the choice of what is sent next, the request, its signature, the decision about the answer. The
body of an event and the storage of deliveries belong to ``secretary_common``, because the API and
the worker need them too.
"""

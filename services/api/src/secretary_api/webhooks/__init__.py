"""What clients do with webhooks: list, explain, resend and test deliveries, and keep endpoints.

``delivery_wait`` decides what a delivery waits for. The webhook in the parameters of a job belongs
in ``jobs``, the choice of endpoints for a new job in ``key_endpoints``.
"""

"""What the Secretary services share."""

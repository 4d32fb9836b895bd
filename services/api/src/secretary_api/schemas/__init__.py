"""What goes over the wire, as pydantic models: requests checked, answers shown in /docs."""

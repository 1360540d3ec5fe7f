"""Is the unit healthy, and if not, what to do next."""

"""The comparison of two machines."""

"""A/B updates of the whole system: which slot the firmware boots, what is on trial, what became of it."""

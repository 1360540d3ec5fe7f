"""The recogniser: rendering its examples, training it, exporting it, measuring it."""

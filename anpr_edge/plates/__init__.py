"""Texts and probabilities only: fusing looks at one plate, and what national syntax says of it."""

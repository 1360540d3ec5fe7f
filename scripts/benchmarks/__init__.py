"""Measurements of speed and memory; figures in the README come from here, with the machine named."""

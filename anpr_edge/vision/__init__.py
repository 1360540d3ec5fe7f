"""Reads still pictures into boxes, quads and texts: numpy, OpenCV, TFLite; no clock, no I/O but models."""

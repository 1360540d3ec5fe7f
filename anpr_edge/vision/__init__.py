"""Reads still light into boxes, quads and texts: numpy, OpenCV and TFLite; no clock, no I/O but model files."""

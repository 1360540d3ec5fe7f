"""Plates that never existed: texts, typefaces, furniture and looks for training the two models."""

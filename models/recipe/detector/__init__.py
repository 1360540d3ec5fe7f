"""The plate detector: frames to learn from, the network, its targets, training."""

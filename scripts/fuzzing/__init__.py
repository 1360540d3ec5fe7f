"""Coverage-guided fuzzing of the parsers that meet a stranger's bytes."""

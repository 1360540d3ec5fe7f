"""The measurements' own arithmetic, labels and judgement."""

"""Whether another machine computes the same: the reader's work, recorded and done again."""

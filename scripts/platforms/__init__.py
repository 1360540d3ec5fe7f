"""Whether another machine computes the same: what the reader does, stage by stage, recorded and done again."""

"""What a developer runs; see each file's head."""

"""The SQLite outbox that joins the two services: ciphertext in, ciphertext out, nothing lost."""

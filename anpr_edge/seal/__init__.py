"""Bytes, crypto, keys and feeds: turns a read into ciphertext for the recipients of one feed."""

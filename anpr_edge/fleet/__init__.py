"""The workshop side: certificates, identities and broker set-up. Needs no numpy or OpenCV."""

"""What the centre gives to other systems, from stored reads; the fields are in docs/exports.md."""

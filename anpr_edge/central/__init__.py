"""The recipient's side: subscribe, verify, open, store, acknowledge. Needs no numpy or OpenCV."""

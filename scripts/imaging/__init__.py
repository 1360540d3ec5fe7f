"""From an empty card to a unit: builds the image, boots it to see that it works, writes it."""

"""Which tilt, pixel, image and sequence reach a wanted accuracy."""

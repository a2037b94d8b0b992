"""What the lens does to an image: pure functions, no I/O."""

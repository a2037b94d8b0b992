"""What was measured, kept: events, image files, run folders."""

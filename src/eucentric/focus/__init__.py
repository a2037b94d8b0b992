"""From shifts to focus: patterns, the fit, the verdict, corrections, and the sequence that closes the loop."""

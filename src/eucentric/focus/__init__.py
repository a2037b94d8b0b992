"""From shifts to focus: patterns, least squares, verdict, correction, sequence."""

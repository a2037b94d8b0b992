"""`eucentric tune`: limits of a focus step, learned from repeated measurements."""

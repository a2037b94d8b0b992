"""`eucentric sweep`: maps of what two settings do to a plan."""

"""`eucentric plan --optimal-pattern`: which tilts, in which order, tell best what is asked."""

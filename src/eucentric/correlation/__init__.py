"""Two frames become a shift with a covariance; the maps that people look at."""

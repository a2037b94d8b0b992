"""`eucentric plan`: the cheapest steps from an error to an accuracy, by physics and by the classic rules."""

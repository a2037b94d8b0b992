"""What the measuring side believes of an instrument, with errors."""

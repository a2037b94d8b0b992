"""A wave-optical microscope with the faults of a real one."""

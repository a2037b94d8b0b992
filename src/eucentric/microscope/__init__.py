"""What a microscope is (protocol), its guard, its registry; the simulated one."""

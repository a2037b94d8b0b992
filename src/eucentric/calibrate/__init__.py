"""Calibrations as procedures: each moves a microscope, measures one quantity with its error, puts everything back."""

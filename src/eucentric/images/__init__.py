"""Frames, their preparation and their files."""

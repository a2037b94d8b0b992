"""eucentric: autofocus for transmission electron microscopes by beam tilt."""

__version__ = "0.1.0"

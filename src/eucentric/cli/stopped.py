"""The user's stop of a run, with what is to be said of it."""

from __future__ import annotations


class Stopped(Exception):
    """Ctrl-C or a request to terminate, after all that could be restored was restored. Its text is for the user."""

"""The API below /api: one router for each part of the page."""

"""Tilt series: place and focus predicted from tilt to tilt, and measured where that is not good enough."""

"""The pictures that people judge a focus measurement by."""

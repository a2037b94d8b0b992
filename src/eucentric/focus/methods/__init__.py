"""How a step measures: by beam tilt, by stage tilt, by hand, not at all. One interface, one file each."""

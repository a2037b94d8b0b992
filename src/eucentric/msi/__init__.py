"""Where in a multi-scale imaging session each focus node stands: applications, targets, nodes, the session itself."""

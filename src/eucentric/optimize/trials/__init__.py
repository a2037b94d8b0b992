"""Sequences tried on simulated microscopes, the jobs spread over processes or a cluster."""

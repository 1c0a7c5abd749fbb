"""Metric chains, one by one and taken together as a graph."""

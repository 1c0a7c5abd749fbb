"""Scores of the frameworks, computed, stored and held against one another."""

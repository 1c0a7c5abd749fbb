"""Approving models and parameters: what waits, who decides, what a decision does."""

"""Runs of actions: asked for, carried out by one process at a time, told, cancelled, taken back."""

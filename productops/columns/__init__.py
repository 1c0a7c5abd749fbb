"""The columns of the ProductOps tabs."""

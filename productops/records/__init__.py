"""The database's side of the ProductOps tabs."""

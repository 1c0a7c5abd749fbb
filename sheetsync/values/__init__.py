"""What cells mean: from what people type to values, and back. Pure."""

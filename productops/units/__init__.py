"""Units in the words that people write. Pure."""

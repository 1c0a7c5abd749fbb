"""The formula language: read once into a tree, which everything else visits. Pure."""

"""Templates of math models, and models started from them."""

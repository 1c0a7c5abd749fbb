"""How far contributions may lie apart: draws from the ranges of assumptions, and figures of them."""

"""How dates are written on the pages, where that differs from Django's own ways."""

"""Admin pages of ProductOps: importing them registers them."""

from productops.admin import pages, templates

__all__ = ["pages", "templates"]

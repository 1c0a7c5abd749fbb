"""Kinds of workbook behind one interface: see `interface`."""

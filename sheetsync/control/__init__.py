"""The Control tab: ticks in a workbook become runs."""

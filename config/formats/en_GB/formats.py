"""Dates as `27 Nov 2026`, times of the day from 00:00 to 23:59, the same on every page."""

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y H:i"

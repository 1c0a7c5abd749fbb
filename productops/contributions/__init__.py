"""KPI contributions: entered, computed, adopted, and what doesn't go together."""

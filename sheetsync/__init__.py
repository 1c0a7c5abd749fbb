"""The ground floor: sheets, cells, owners and merging. Knows nothing of initiatives or KPIs."""

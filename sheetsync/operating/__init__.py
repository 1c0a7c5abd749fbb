"""For the operator: the doctor, retention, backfills, how far quotas reach, what commands print."""

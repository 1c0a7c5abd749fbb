"""What later actions find out about a run that ended: frontier, comparison, draws, what to measure next."""

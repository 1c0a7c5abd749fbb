"""From a snapshot to arrays, and from arrays to the best portfolio, proved. Pure but for the solver and its clock."""

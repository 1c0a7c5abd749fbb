"""What rows of Constraints and Targets state: read, judged, compiled into constraint sets."""

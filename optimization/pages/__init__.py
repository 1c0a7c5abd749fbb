"""What the admin and files for people show of runs."""

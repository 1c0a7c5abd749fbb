"""People: who is let in, who sees which departments, what is kept of what they did."""

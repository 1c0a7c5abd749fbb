"""Why an initiative is in or out, what would change that, what rules cost, and which can't hold together."""

"""Suggestions and summaries by a language model: it proposes, people decide."""

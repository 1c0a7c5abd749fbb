"""The demo: a company of our own invention, its sample workbooks, and the steps that people there take."""

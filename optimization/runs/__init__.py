"""One run from its inputs to its stored outcome, its rows in the workbook, and whether it is the published plan."""

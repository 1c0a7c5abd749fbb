"""A Sheets API server on this machine: the Google kind of workbook can be tried, and tested, without an account."""

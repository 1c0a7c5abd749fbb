"""One workbook in step with the database: read, settle, show, write, record."""

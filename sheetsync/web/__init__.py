"""The way in over the web: signed requests of workbooks."""

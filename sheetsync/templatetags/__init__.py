"""What the admin's templates need beside Django's and the theme's own."""

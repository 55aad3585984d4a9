"""What every feature may use to keep things: the database, its tables, stored vectors, original files."""

"""One script a table; each takes its inputs as arguments and records them with the result."""

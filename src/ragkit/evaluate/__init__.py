"""How good search and answers are, measured through the product itself, and kept to be compared."""

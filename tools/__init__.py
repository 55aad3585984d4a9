"""What the maintainers run: generators of pages that are read, never edited."""

"""What is searched: the catalog is the truth, vectors and keywords are derived from it and can be rebuilt."""

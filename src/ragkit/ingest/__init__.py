"""The write path: from files to passages that can be found."""

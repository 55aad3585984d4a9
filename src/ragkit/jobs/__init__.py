"""Durable work: uploads are accepted in one transaction and ingested by a worker process, which may die at any time."""

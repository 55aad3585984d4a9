"""API keys: who calls, and how much of the service they use."""

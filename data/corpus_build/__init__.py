"""Builds the binary documents of the sample corpus from readable sources."""

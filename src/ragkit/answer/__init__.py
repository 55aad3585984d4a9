"""From a question to an answer whose citations were checked."""

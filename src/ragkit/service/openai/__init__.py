"""What the routes in OpenAI's form read and write; the routes are in `routes/openai.py`."""

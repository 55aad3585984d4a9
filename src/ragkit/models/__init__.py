"""The models: language models, embedders, rerankers."""

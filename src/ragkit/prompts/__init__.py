"""Prompts under version control: immutable versions, and aliases such as `production` that point at one of them."""

from ragkit.prompts.registry import PromptReference, PromptRegistry, parse_reference
from ragkit.prompts.template import render, variables

__all__ = ["PromptReference", "PromptRegistry", "parse_reference", "render", "variables"]

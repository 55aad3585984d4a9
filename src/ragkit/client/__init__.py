"""The SDK: the methods, values and errors of the engine, over HTTP."""

from ragkit.client.asynchronous import AsyncClient
from ragkit.client.blocking import Client

__all__ = ["AsyncClient", "Client"]

"""The store: tables, artefacts, history. Use it through ``Store``; it gives out the dataclasses of ``views``."""

from core.store.store import Store

__all__ = ["Store"]

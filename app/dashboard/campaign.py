"""The way from a map to the report of its campaign."""

from core.store.views import ObservationDetail


def offer(detail: ObservationDetail) -> None:
    """Offer the report of the fill's maps."""

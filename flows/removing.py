"""What one round of retention removed of a system, and how that is told."""

from dataclasses import dataclass, field

from core.store.retention import Gone

GB = 1e9


@dataclass(slots=True)
class Removed:
    """What was removed (or, in a dry run, would be), and why something else was not."""

    system: str
    verdicts: int = 0
    pictured: int = 0
    quarantined: int = 0
    inputs: int = 0
    bytes: int = 0
    still_offered: int = 0
    waits: list[str] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was removed."""
        return not (self.verdicts or self.pictured or self.quarantined or self.inputs)

    def add(self, gone: Gone) -> None:
        """Add what one transaction removed."""
        self.verdicts += gone.verdicts
        self.pictured += gone.pictured
        self.bytes += gone.bytes

    def wait(self, why: str) -> None:
        """Note why something is left for another round."""
        self.waits.append(why)

    def words(self) -> str:
        """Return it in words, with the bytes that it freed on the disk of the home."""
        parts = [
            f"{count} {what}{'' if count == 1 else 's'}"
            for count, what in (
                (self.verdicts, "verdict"),
                (self.pictured, "picture set"),
                (self.quarantined, "quarantined file"),
                (self.inputs, "input file"),
            )
            if count
        ]
        freed = [f"{self.bytes / 1e6:.1f} MB"] if self.bytes else []
        kept = [f"{self.still_offered} old verdicts stay: their inputs still lie in the source"] * bool(
            self.still_offered
        )
        return "; ".join([", ".join([*parts, *freed]) or "nothing", *kept, *self.waits])

"""The one error tree: every error that shiftwatch raises on purpose derives from ShiftwatchError."""


class ShiftwatchError(Exception):
    """Base of all errors raised on purpose; its text is shown to the user as it is."""


class SettingsError(ShiftwatchError):
    """A setting is missing, unknown or impossible."""


class InputError(ShiftwatchError):
    """An input cannot be used: its text names the file (or element) and the reason."""

    def __init__(self, origin: object, reason: str) -> None:
        super().__init__(f"{origin}: {reason}")
        self.origin = str(origin)
        self.reason = reason


class IncompleteInputError(InputError):
    """The input is still being written: try again later, judge nothing yet."""


class SourceError(ShiftwatchError, OSError):
    """What observations come from does not answer as it should: nothing is known yet, try again later."""


class RegistrationError(InputError):
    """An image could not be laid on the product's reference: no verdict is possible."""


class ModelError(ShiftwatchError):
    """A model package is missing, damaged, of another version or not made for this input."""


class CalibrationError(ShiftwatchError):
    """Too few or unusable nominal scores for the false-alarm budget that was asked for."""


class StoreError(ShiftwatchError):
    """The database or the artefact folder refused a read or a write."""


class AlarmError(ShiftwatchError):
    """An alarm was asked to do what its state does not allow."""


class NotAllowedError(ShiftwatchError):
    """A person asked for what their role does not allow."""


class NotifyError(ShiftwatchError):
    """A notification could not be delivered; the text holds no secret of its channel."""


class DrillError(ShiftwatchError):
    """A drill cannot be: no such fault, one goes on, or it could not be told from what is really wrong."""

"""One small exception tree: each mistake in a user's input ends here, in one line."""


class SSEObserveError(Exception):
    """
    Base of all errors that this package raises on purpose.

    The message is one line for a person: where (file, key or URL), what is wrong, the remedy.
    """


class SettingsError(SSEObserveError):
    """A settings file or an option is wrong; nothing was written."""


class CatalogError(SSEObserveError):
    """A signal, panel or alert page contradicts the rest of the catalogue."""


class MissingExtraError(SSEObserveError):
    """A command needs an optional dependency that is not installed."""


class LabError(SSEObserveError):
    """A demo or drill could not start or watch what it needs."""


class ReportError(SSEObserveError):
    """A report could not ask, read or write what it needs."""


class CheckError(SSEObserveError):
    """A check or a probe cannot be made as it was asked for."""

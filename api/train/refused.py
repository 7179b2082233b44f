"""Why nothing is trained."""


class NotTrained(Exception):
    """The rows cannot be learned from: a sentence that begins with why."""

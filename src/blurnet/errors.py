"""The one exception that a user can cause, and the one warning."""

import unicodedata

LONGEST = 4000
"""Characters of a message; what quotes a file's content may be longer and is cut in its middle."""


class BlurnetError(Exception):
    """A mistake that the caller can mend.

    The message names the file (and line) or the argument, what was found there, and what would be
    right, in one line. The command line prints it as it is and exits with status 2.

    Examples:
        >>> try:
        ...     blurnet.Blur("box", 4)
        ... except blurnet.BlurnetError as error:
        ...     print(error)
        a kernel's size is odd, so that it has a middle: 4 is not; take 3 or 5

    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_in_one_line(message))


class BlurnetWarning(UserWarning):
    """What is probably a mistake, and what would be right, in one line."""


def _in_one_line(message: str) -> str:
    """Escape what leaves the line or steers a terminal: messages quote files and their names."""
    message = _cut(message)
    if message.isprintable():
        return message
    return _cut("".join(each if _shown(each) else ascii(each)[1:-1] for each in message))


def _cut(message: str) -> str:
    if len(message) <= LONGEST:
        return message
    return f"{message[: LONGEST - 1000]} … {message[-997:]}"


def _shown(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"

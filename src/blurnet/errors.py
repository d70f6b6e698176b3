"""The one exception that a user can cause, and the one warning."""


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


class BlurnetWarning(UserWarning):
    """What is probably a mistake, and what would be right, in one line."""

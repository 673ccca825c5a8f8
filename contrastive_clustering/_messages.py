"""What messages say of the errors that they are about."""

# Messages of libraries may quote all that they were given.
LONGEST = 500


def reason_of(error: Exception) -> str:
    r"""Return what an error says, or its class's name if it says nothing.

    Parameters
    ----------
    error : Exception
        An error, perhaps of the user's own code or of a bare ``assert``.

    Returns
    -------
    reason : str
        Its text, of several lines the first, cut to 500 characters; never empty.

    Examples
    --------
    >>> from contrastive_clustering._messages import reason_of
    >>> reason_of(ValueError("no such thing\nat all")), reason_of(AssertionError())
    ('no such thing', 'AssertionError')
    """
    text = str(error).strip()
    reason = text.splitlines()[0] if text else type(error).__name__
    return reason if len(reason) <= LONGEST else f"{reason[:LONGEST]}..."

"""What messages say of the errors that they are about."""


def reason_of(error: Exception) -> str:
    r"""Return what an error says, or its class's name if it says nothing.

    Parameters
    ----------
    error : Exception
        An error, perhaps of the user's own code or of a bare ``assert``.

    Returns
    -------
    reason : str
        Its text, of several lines the first; never empty.

    Examples
    --------
    >>> from contrastive_clustering._messages import reason_of
    >>> reason_of(ValueError("no such thing\nat all")), reason_of(AssertionError())
    ('no such thing', 'AssertionError')
    """
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__

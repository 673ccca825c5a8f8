"""Downloading a file whole and checked, or not at all."""

import hashlib
from pathlib import Path
from urllib.request import Request, urlopen

from contrastive_clustering._utils.files import replacing
from contrastive_clustering._utils.progress import Progress

CHUNK_BYTES = 2**16

# Seconds without a byte after which a server is taken to be gone.
TIMEOUT = 60.0


def download(url: str, path: Path, md5: str, *, verbose: int) -> None:
    """Download a file; it appears under its name when it is complete and checked.

    Several threads and processes may download the same file at once.

    Parameters
    ----------
    url : str
        Where it is.

    path : Path
        Where it goes; the folder has to exist.

    md5 : str
        The MD5 that it has to have, in hexadecimal.

    verbose : int
        0 shows nothing, 1 shows how much has come.

    Raises
    ------
    OSError
        If it cannot be reached, read or written.

    ValueError
        If what has come is not what it should be.
    """
    digest = hashlib.md5(usedforsecurity=False)  # it tells damage, not forgery
    request = Request(url, headers={"User-Agent": "contrastive_clustering"})
    with replacing(path) as file:
        with urlopen(request, timeout=TIMEOUT) as response:
            length = response.headers.get("Content-Length")
            total = None if length is None else int(length)
            with Progress(
                f"download of {path.name}", total, "byte", verbose=verbose, scaled=True
            ) as progress:
                while chunk := response.read(CHUNK_BYTES):
                    file.write(chunk)
                    digest.update(chunk)
                    progress.reach(progress.n + len(chunk))
        if digest.hexdigest() != md5:
            raise ValueError(
                f"what came from {url} was damaged and has been deleted: its MD5 is "
                f"{digest.hexdigest()}, and not {md5}"
            )

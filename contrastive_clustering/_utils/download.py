"""Download a file completely and verified, or not at all."""

import hashlib
from pathlib import Path
from urllib.request import Request, urlopen

from contrastive_clustering._utils.files import replacing
from contrastive_clustering._utils.progress import Progress

CHUNK_BYTES = 2**16

# Seconds without data after which the download fails.
TIMEOUT = 60.0


def download(url: str, path: Path, md5: str, *, verbose: int) -> None:
    """Download a file, which appears under its name once it is complete and verified.

    Several threads and processes may download the same file concurrently.

    Parameters
    ----------
    url : str
        Source address.

    path : Path
        Destination; its folder must exist.

    md5 : str
        Expected MD5 in hexadecimal.

    verbose : int
        0 is silent, 1 shows the progress.

    Raises
    ------
    OSError
        If the address cannot be reached or read, or the file cannot be written.

    ValueError
        If the MD5 of the downloaded file is wrong.
    """
    digest = hashlib.md5(usedforsecurity=False)  # against damage, not forgery
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
                f"the file downloaded from {url} was damaged and has been deleted: its "
                f"MD5 is {digest.hexdigest()} instead of {md5}"
            )

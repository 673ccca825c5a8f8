"""Run the command as `python -m contrastive_clustering`."""

import sys

from contrastive_clustering._command.main import main

if __name__ == "__main__":
    sys.exit(main())

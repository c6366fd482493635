"""`python -m nndl_core`: see nndl_core.cli."""

import sys

from nndl_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

"""``python -m edgectc`` is the command line."""

import sys

from edgectc.cli import main

sys.exit(main())

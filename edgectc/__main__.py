"""``python -m edgectc`` is the command line."""

import sys

from edgectc.commands.cli import main

sys.exit(main())

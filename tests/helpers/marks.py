"""Marks that several rooms share."""

from __future__ import annotations

import os

import pytest

LONG = pytest.mark.skipif("EDGECTC_LONG" not in os.environ, reason="takes minutes: EDGECTC_LONG=1")

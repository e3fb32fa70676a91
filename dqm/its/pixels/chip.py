"""The ALPIDE chip in pixels: 1024 columns (along z) x 512 rows, read out in 512 double columns."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

COLUMNS, ROWS = 1024, 512
PIXELS = COLUMNS * ROWS
DOUBLE_COLUMNS = COLUMNS // 2
DOUBLE_COLUMN_PIXELS = 2 * ROWS

LONG_COLUMNS, LONG_ROWS = 128, 29
"""A long cluster spans at least so many columns and at most so many rows (QC's ITSClusterTask)."""

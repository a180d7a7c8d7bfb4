"""What the arrays between the acoustic models hold. It knows numpy alone."""

import numpy as np

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

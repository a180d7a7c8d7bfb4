"""The one exception that seal raises for a problem that its user can mend.

Its message is a single line that names the file (or the input), the place in it and what to do.
The command line prints that line and leaves with exit status 2. It knows nothing of the rest.
"""


class SealError(ValueError):
    """Something in the input, the options or the surroundings keeps seal from going on."""

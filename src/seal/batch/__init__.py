"""Many inputs: which files are read, what is done to each (in this process, in a pool or on Ray),
and which results of an earlier run still hold.
"""

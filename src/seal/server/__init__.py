"""The server: transcripts and recordings come in over HTTP, corrected transcripts go out.

`app.py` has the routes, `jobs.py` the jobs on disk, and `dispatcher.py` hands them to the worker
process of `worker.py`. Nothing here knows how words get their speakers.
"""

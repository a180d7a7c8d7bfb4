"""The server: transcripts and recordings come in over HTTP, corrected transcripts go out.

`app.py` has the routes, `jobs.py` what is kept on disk, `dispatcher.py` hands it out to the worker
process of `worker.py`. Nothing here knows how words get their speakers.
"""

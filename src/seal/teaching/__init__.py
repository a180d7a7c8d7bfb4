"""Corrections that teach: what a person ruled of some words, carried on to the rest of a recording.

`lesson` is what the command line, the server and the review page ask; it proposes, and a person
accepts. What a ruling is, and how it is kept, is in `seal.rulings`.
"""

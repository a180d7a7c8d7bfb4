"""Corpora of conversations, one file each: a folder in, word-level references out.

Every file has one function `load(folder) -> {session_id: word transcript}`, in time order.
"""

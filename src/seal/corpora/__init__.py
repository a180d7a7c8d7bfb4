"""Corpora of conversations, one file each: a folder in, word-level references out.

Every file has one function `load(folder) -> {recording: word transcript}`, in time order. `splits`
says which recordings train and which test, `reading` and `ldc` have what the loaders share. Nothing
here knows of audio.
"""

NAMES = (
    "ami",
    "icsi",
    "primock57",
    "cabnc",
    "fisher",
    "callhome",
    "rt03",
    "seglst",
    "stm",
    "ctm-rttm",
    "textgrid",
    "chat",
)
"""The corpora and layouts that can be read; each has its module here, `-` written as `_`."""

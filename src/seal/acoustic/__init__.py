"""What listens: a recording in, words with times and scores out.

Sound is streamed and never held whole. Nothing here knows of text models, of files of other tools
or of who corrects.
"""

"""Known voices: who was named once is proposed by name in the next recording.

`library` is a file of the user's own and what is done with it, `locked` its encryption. `heard`
makes a voice of what a speaker says in a recording, `likeness` says how surely that is one which is
known, and `proposals` names. Nothing here is used unless asked for, nothing is put into the file
but by `Library.add`, and no name is given but by `named`.
"""

"""What the benchmarks share. Nothing here is a script; each file is named by what it has."""

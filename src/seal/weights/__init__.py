"""Weights that were trained here, each folder with a card; this file says where they lie."""

from pathlib import Path

FOLDER = Path(__file__).parent

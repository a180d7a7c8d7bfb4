"""Usage reports of the libraries that seal loads, switched off before any of them is.

Recordings and transcripts are confidential, so nothing is sent anywhere, not even that seal was
used. The variables are inherited by every process that seal starts. It knows no library otherwise.
"""

import os

SWITCHES = {
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # transformers would ask Hugging Face to convert a model
    "DO_NOT_TRACK": "1",  # what several libraries ask for
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, transformers, peft
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime, which finds speech for faster-whisper
    "PYANNOTE_METRICS_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Variables of the environment, each with the value that keeps a library quiet."""


def switch_off() -> None:
    """Set them, whatever they were: a library reads its own when it is imported."""
    os.environ.update(SWITCHES)

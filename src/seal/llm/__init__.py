"""What reads with a causal language model (paper III-B, III-C): scores as labels, chunks, prompts,
the model itself, and decoding that may choose speakers and nothing else.
"""

"""What learns and what there is to learn from: simulated first passes, voiced conversations, and a
run for each kind of network.
"""

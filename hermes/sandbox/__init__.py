"""The outside world, emulated: what Hermes talks to in tests, in the demo and in the bench.

Knows nothing of Hermes but its kit, so that one mistake cannot sit on both sides.
"""

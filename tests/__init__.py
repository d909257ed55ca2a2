"""Tests by the standard library alone; what PyTorch or a browser proves is skipped without them."""
import signal

# A shell may start programs in the background with Ctrl-C switched off, and so all that they start:
# the programs that tests stop by Ctrl-C would never end.
signal.signal(signal.SIGINT, signal.default_int_handler)

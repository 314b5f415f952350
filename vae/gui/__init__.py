"""The window. Its modules name no torch, matplotlib, pandas or OpenCV at import time."""

# SPDX-License-Identifier: Apache-2.0
"""How does a test wait for something that nobody announces? Here, with a deadline; nowhere else."""
import time


def until(happened, what, seconds=10.0):
    """Asks `happened()` again and again until it is true; returns that answer."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while True:
        answer = happened()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)

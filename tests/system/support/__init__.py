# SPDX-License-Identifier: Apache-2.0
"""What do system tests share? One module per thing that a test talks to."""

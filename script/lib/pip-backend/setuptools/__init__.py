# SPDX-License-Identifier: Apache-2.0
"""Stands in front of the real setuptools while pip downloads; see build_meta.py."""

"""`scripts/lab doctor`: what this machine lacks; runs before anything is set up."""

from __future__ import annotations

from bakehouse_lab.doctor import main

__all__ = ["main"]

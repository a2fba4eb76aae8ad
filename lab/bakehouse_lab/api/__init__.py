"""The HTTP face: one lock around moto, AWS errors and never HTML, and a log of the calls."""

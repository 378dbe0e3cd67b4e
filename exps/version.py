"""The version, as a constant: asking the installed package for it costs three times a start of Python."""

VERSION = "0.1.0"

"""The command line: flags in, text out. The only place that prints, reads the environment or exits."""

"""Measurements of the installed wheel beside its peers: `python -m bench`. Not shipped, imported by nothing of ours."""

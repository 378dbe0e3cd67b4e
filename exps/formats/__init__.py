"""The formats that experiments are made of: parameters, metrics, pipelines, ref names. Pure, as all formats."""

"""models: what is learnt from gold; one file a model, declared in catalog.py, which is plain data.

A model is a few tables of plain rows (rules, centres, factors), learnt by Spark ML and read by
`predict` with nothing but pandas and numpy. Nothing here knows of MLflow or of a path.
"""

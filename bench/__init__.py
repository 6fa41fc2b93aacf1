"""Measurements: each target prints a table and writes bench/results/<target>.json."""

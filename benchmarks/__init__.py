"""Measured work. Each ``bench_*.py`` has ``run()``, which returns its figures."""

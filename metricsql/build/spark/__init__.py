"""Spark as the engine: it reads the rows, computes and writes; the built file keeps the state and shows the results."""

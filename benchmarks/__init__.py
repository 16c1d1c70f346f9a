"""Measures the build against what people would use instead. Not part of the package."""

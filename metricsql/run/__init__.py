"""The daily job: when a build is due, one attempt at it, and what comes after."""

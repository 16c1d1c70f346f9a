"""Output tables: computed from ledgers or from the built file, stored beside the metrics."""

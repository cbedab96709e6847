"""The APIs: collections, composite, Bulk 2.0, query."""

"""Objects, fields, rules, and the records."""

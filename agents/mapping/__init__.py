"""Order → Salesforce rows, by rules in a YAML file that users edit."""

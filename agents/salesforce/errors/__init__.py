"""What an error of Salesforce means: kinds, rules, the table."""

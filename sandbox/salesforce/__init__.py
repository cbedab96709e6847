"""A Salesforce org to run against: the platform's own rules, over HTTP, with faults on demand."""

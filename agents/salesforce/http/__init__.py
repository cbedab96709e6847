"""HTTP to Salesforce: session, answers, threads, usage."""

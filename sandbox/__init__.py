"""What you run when you have no store, no org and no cluster: a Magento, a Salesforce, a broker."""

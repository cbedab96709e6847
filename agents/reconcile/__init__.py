"""Reconcile: Magento, Salesforce and our own results compared, order by order."""

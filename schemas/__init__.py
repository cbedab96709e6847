"""What travels: envelopes, headers, Magento documents, Salesforce rows, results and state.

Everything here is pure: no I/O, no clock, no settings. Both the service and the sandbox use it.
"""

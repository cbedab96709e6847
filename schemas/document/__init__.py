"""What of a webhook body is the document: found, told apart, and brought into one form."""

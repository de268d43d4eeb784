"""Records, campaigns and notes in Salesforce."""

"""The steps of the import, export and campaign state machines, and the delivery event reader."""

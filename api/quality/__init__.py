"""What was found of data: the results in the database, the pages beside it, and the check of each day."""

"""New integration: six questions, and from their answers what fits, what is to be set up, and the files that do it."""

"""RIN, the Recurrent Interaction Network (Sun et al.), and everything that trains and scores it."""

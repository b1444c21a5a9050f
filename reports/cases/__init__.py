"""Case studies: sentences followed through the rounds."""

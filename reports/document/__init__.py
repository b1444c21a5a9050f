"""Parts of a document: table, section, figure style, templates."""

"""The network: encoders, interaction, update cells, heads."""

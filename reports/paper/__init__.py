"""The paper's tables and claims with our results, and REPRODUCTION.md."""

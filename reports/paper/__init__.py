"""The paper's tables and claims beside ours, and REPRODUCTION.md."""

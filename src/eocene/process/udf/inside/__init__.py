"""What runs inside the sandbox: scripts that import nothing of Eocene, which is not there."""

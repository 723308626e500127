"""What runs inside the sandbox: three scripts that import nothing of Eocene, which is not there."""

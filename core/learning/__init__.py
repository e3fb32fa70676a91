"""Training: torch and Lightning building blocks. Nothing that runs on shift imports this package."""

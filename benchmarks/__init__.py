"""What is measured, and against which peer."""

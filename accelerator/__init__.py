"""Systems that watch the accelerator."""

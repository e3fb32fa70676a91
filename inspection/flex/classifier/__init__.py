"""Known defects: a small network that proposes the ITk category of a suspect region, or says that it does not know."""

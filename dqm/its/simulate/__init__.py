"""A Monte Carlo of what the ITS QC tasks would publish: see `dqm.its.simulate.run` and `dqm.its.simulate.settings`."""

"""Alarms: severities and the pure lifecycle that turns verdicts and people's actions into a history."""

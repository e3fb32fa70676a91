"""The QCDB of ALICE's quality control over HTTP: a client, and a fake server for demonstrations and drills."""

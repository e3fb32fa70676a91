"""AWAKE Schlieren: the plasma channel of a shot, and whether the shot can be trusted."""

"""How a Schlieren image comes about: vapour, channel, optics, camera, and what goes wrong."""

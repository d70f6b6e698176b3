"""How spectra are shown."""

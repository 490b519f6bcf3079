"""How the bundled model was made: rendered portraits → autoencoder → CLIP → U-Net → judge → models/pico."""

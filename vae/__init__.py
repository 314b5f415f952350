"""VAE Studio: train a convolutional variational autoencoder on a folder of medical images."""

__version__ = "0.1.0"

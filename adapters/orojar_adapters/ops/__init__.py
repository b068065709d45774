"""What the StyleGAN families share: equalized layers, modulated convolution, FIR resampling, activations."""

"""What families share: equalized layers, modulated convolution, FIR resampling, activations, batch norm, self-attention."""

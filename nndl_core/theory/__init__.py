"""What is known without training: laws of weights, signals and gradients."""

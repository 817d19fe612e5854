"""What a model is trained for: samples, their order, augmentation and measure of success."""

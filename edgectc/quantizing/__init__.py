"""What `edgectc.quantizer` is made of: samples, activations, rankings and measurements."""

"""What a finished file is made of: operators, multiply-adds, weights. One file a format."""

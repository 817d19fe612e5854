"""What `scripts/packages` builds, a file each, all of the one list in `native/build.json`."""

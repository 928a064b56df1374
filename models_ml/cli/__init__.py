"""The command line `demand`. Commands import what they need when they run, so that `--help` is instant."""

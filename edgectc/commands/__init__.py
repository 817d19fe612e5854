"""What each verb of the command line does. Everything heavy is imported inside the verb."""

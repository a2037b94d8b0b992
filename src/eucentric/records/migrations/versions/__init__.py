"""Each file takes a database from one version to the next; none is changed once it was released."""

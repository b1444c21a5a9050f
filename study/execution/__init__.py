"""Ray: the cluster, the workers and the runs on them."""

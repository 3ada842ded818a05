"""The parts of deploy/k8s that are made from other files of deploy/."""

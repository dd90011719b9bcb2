//! Platforms on Kubernetes: Knative, Fission, Riff, and plain Deployments.

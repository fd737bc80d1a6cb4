//! everstep-workflows

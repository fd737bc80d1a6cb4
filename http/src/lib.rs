//! everstep

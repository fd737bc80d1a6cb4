//! everstep-activities

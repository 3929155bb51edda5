//! Control messages of the lab.

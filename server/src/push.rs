//! Changing a device's configuration so that a mistake undoes itself.

pub mod machine;
pub mod model;

//! How a service of ours lives and stops, and how services talk to each other.
//!
//! Nothing here knows devices, tenants or routes: it is what server and poller must do alike.

pub mod backoff;
pub mod bus;
pub mod clock;
pub mod health;
pub mod layers;
pub mod reconcile;
pub mod sealed;
pub mod supervisor;
pub mod telemetry;

//! The whole of tod as processes: daemons, a lab, the client, a database and a bus.
//!
//! **Invariant:** everything is a process as a user would start it, and ends with the [`World`]
//! that started it, however the test ends.

mod balancer;
mod binary;
mod canary;
mod database;
mod eventually;
mod nats;
mod postmasters;
mod terminal;
mod world;

pub use canary::{Canaries, Hit, Search, Spy, Watch};
pub use eventually::eventually;
pub use postmasters::postmasters;
pub use terminal::Terminal;
pub use world::{Daemon, World, plant_secret_key};

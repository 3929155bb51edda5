//! Terminals into devices.

mod handlers;

use tod_proto::api::relays::{Dial, Open, Terminal};

use super::route::Routes;

/// Binds the endpoints of this resource.
pub fn routes() -> Routes {
    Routes::new()
        .bind(Open, handlers::open)
        .bind_pipe(Terminal, handlers::terminal)
        .bind_pipe(Dial, handlers::dial)
}

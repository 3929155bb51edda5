//! tod-server.

//! tod-daemon.
